import subprocess
import sys

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from mien.threads import one_thread


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_a_function_runs_with_one_thread_and_the_others_come_back():
    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        assert before
        assert set(one_thread(threads)()) == {1}
        assert threads() == before


def test_opencv_is_imported_before_any_thread_is_started(demo_clip):
    """Its import edits sys.modules, which another import at the same time does not survive."""
    code = (
        "import sys, threading\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cv2':\n"
        "            names.append([thread.name for thread in threading.enumerate()])\n"
        "names = []\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import mien\n"
        f"mien.analyze({str(demo_clip)!r})\n"
        "print(names)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().startswith("[['MainThread'], ")
    assert "mien-" not in done.stdout
