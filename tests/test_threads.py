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
