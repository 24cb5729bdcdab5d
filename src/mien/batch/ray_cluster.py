"""The connection to Ray: a cluster of the user's, or one that is started on this machine.

A cluster of our own is bound to 127.0.0.1, has a token of its own, and sends nothing;
``docs/privacy.md`` says what was measured.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mien.errors import MienError, MissingExtraError, OptionError

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
_ALONE = {
    # The switch is named after other systems. With 0 Ray takes 127.0.0.1 as the address of this
    # machine; otherwise it asks for the way to 8.8.8.8 and listens on all interfaces.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray gives its workers the lowest priority but four; beside other work they then stand still.
    "RAY_worker_niceness": "0",
}
_BOOTSTRAP = "ray_bootstrap_config.yaml"
"""Where it is missing in the home folder, Ray asks the addresses of clouds which one this is, even
with its usage statistics switched off."""
_STORE = 100 * 2**20
"""Bytes of shared memory for the objects of a cluster of our own; they are small."""
_ANSWER = 5.0
"""Seconds in which the head of a cluster has to answer."""
_LOG = "ray.data._internal.execution.streaming_executor_state"
"""The logger to which Ray Data reports the error of a block."""
_FOLDER = "mien-ray-"
_LONGEST = 40
"""Characters of a folder in which the sockets of Ray have a name that is short enough."""


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray.

    Args:
        workers: actors that may run at a time.
        home: the user's home folder, where the processes of Ray have another one, else None.
        faults: the last error of Ray Data.
    """

    workers: int
    home: str | None
    faults: Faults

    def register(self) -> Any:
        """An actor that all workers ask, see :class:`Register`."""
        import ray

        # One that is lost starts again, with its numbers at zero.
        made = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Register)
        return made.remote()

    def mapped(
        self, rows: list[dict[str, Any]], actor: type, given: tuple[Any, ...], size: int
    ) -> MappedRows:
        """The rows as an actor maps them, each as soon as it is there, in any order.

        A row whose actor is lost goes to another actor, as often as it takes; one at which the
        actor raises is missing.

        Args:
            rows: each is a block, so that a lost actor costs no other row.
            actor: class, made with the arguments ``given``.
            given: arguments.
            size: actors at a time, at most.
        """
        from ray import data

        context = data.DataContext.get_current().copy()
        context.max_errored_blocks = -1
        context.enable_progress_bars = False
        with data.DataContext.current(context):
            mapped = data.from_items(rows, override_num_blocks=len(rows)).map(
                actor,
                fn_constructor_args=given,
                compute=data.ActorPoolStrategy(
                    min_size=1, max_size=size, initial_size=size, max_tasks_in_flight_per_actor=1
                ),
                num_cpus=1,
            )
        return MappedRows(mapped)


class MappedRows:
    """Rows that actors map while they are read.

    Args:
        dataset: of Ray Data.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._dataset.iter_rows())

    def end(self) -> None:
        """Kill the actors; the thread that reads the rows finds that there are no more.

        Ray ends the whole process, without a word, if one of its threads asks for rows while it is
        shut down (2.60).
        """
        name = self._dataset.get_dataset_id().rpartition("_")[0]  # behind it: how often it was read
        for thread in threading.enumerate():
            if thread.name.startswith(f"StreamingExecutor-{name}_"):
                executor: Any = thread
                executor.shutdown(force=True)


class Register:
    """How often each job was begun, and whether no further one is to be begun."""

    def __init__(self) -> None:
        self._stopped = False
        self._begun: Counter[int] = Counter()

    def stop(self) -> None:
        """Begin no further job."""
        self._stopped = True

    def begin(self, number: int) -> int:
        """How often a job is begun with this time; 0 if it is not to be begun."""
        if self._stopped:
            return 0
        self._begun[number] += 1
        return self._begun[number]


class Faults(logging.Filter):
    """Keeps the last error of Ray Data instead of its output on the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep an error and drop the record."""
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            lines = [line for line in str(error).splitlines() if line.strip()]
            self.last = f"{type(error).__name__}: {lines[-1].strip() if lines else ''}"[:300]
        return False


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[Cluster]:
    """A connection to Ray, which is closed afterwards; one that is open is used and left open.

    Args:
        address: see :class:`mien.batch.ray_pool.RayPool`.
        workers: wanted; 0 for one a processor of the cluster.

    Raises:
        MissingExtraError: if Ray is not installed.
        MienError: if the cluster cannot be reached or started.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("--engine ray", "ray")
    address = address or os.environ.get("RAY_ADDRESS") or None
    with contextlib.ExitStack() as stack:
        # Ray reads these when it is imported.
        stack.enter_context(_environment(_QUIET if address else _QUIET | _ALONE | _token()))
        import ray

        home = None
        if not ray.is_initialized():
            try:
                if address:
                    stack.callback(ray.shutdown)
                    _check(address)
                    _start(address=address)
                else:
                    _read_settings_again(stack)
                    home = str(Path.home())
                    _start_here(workers or len(os.sched_getaffinity(0)), stack)
            except (OSError, OverflowError, RuntimeError, ValueError) as error:
                raise MienError(_failed(address, error)) from None
        cores = int(ray.cluster_resources().get("CPU", 1))
        faults = Faults()
        log = logging.getLogger(_LOG)
        log.addFilter(faults)
        stack.callback(log.removeFilter, faults)
        yield Cluster(workers or max(cores - (home is not None), 1), home, faults)


def _check(address: str) -> None:
    """Refuse an address at which nobody answers: Ray would try for two minutes.

    Raises:
        OptionError: if it is of a form that cannot be used.
        OSError: if there is no answer.
    """
    if address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise OptionError(
            f"--ray-address cannot be {address!r}; give HOST:PORT of the head of the cluster (port "
            "6379 unless it was started with another one), or auto on a machine of the cluster."
        )
    with socket.create_connection((host.strip("[]"), int(port)), _ANSWER):
        pass


def _failed(address: str | None, error: Exception) -> str:
    what = f"The cluster of Ray at {address} cannot be used" if address else "Ray does not start"
    remedy = "check --ray-address and RAY_ADDRESS" if address else "use --engine local"
    return f"{what} ({' '.join(str(error).split())[:400]}); {remedy}."


def _start_here(workers: int, stack: contextlib.ExitStack) -> None:
    """Start a cluster on this machine, for as long as the stack is open."""
    folder = _short_folder()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    # Ray is shut down before its folder is removed.
    import ray

    stack.callback(ray.shutdown, wait_for_processes=True)
    home = folder / "home"
    home.mkdir()
    (home / _BOOTSTRAP).write_text("provider: {type: local}\n", encoding="ascii")
    with _environment({"HOME": str(home)}):
        # One processor more than actors, so that no other task of Ray Data waits for them.
        _start(
            address="local",
            num_cpus=workers + 1,
            num_gpus=0,
            object_store_memory=_STORE,
            include_dashboard=False,
            _temp_dir=str(folder),
        )


def _read_settings_again(stack: contextlib.ExitStack) -> None:
    """Apply the environment although Ray was imported before, for as long as the stack is open."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    stack.callback(setattr, ray_constants, "ENABLE_RAY_CLUSTER", before)
    with contextlib.suppress(ImportError, AttributeError):  # no public call for it in 2.60
        native: Any = import_module("ray._raylet")
        native.AuthenticationTokenLoader.instance().reset_cache()
        native.Config.initialize("")


def _token() -> dict[str, str]:
    """A token for a cluster of our own; without one Ray writes one into the home folder."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _start(**given: Any) -> None:
    """``ray.init`` without its messages and its handler of SIGTERM."""
    import ray
    import ray.data
    from ray._private import worker

    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    # Ray prints the fate of lost workers to stdout; each is in the row of its clip.
    worker.print_to_stdstream = _say_nothing
    with _without_stderr():
        ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **given)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if here:
        signal.signal(signal.SIGTERM, before)


def _say_nothing(*_: object, **__: object) -> None:
    pass


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Native code of Ray writes its level of logging to stderr; errors are exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _short_folder() -> Path:
    """A fresh folder whose name leaves room for the sockets that Ray makes in it."""
    wanted = tempfile.gettempdir()
    base = Path(wanted if len(wanted) <= _LONGEST else "/tmp")
    for left in base.glob(f"{_FOLDER}*"):  # by a process that was killed
        number = left.name.removeprefix(_FOLDER).partition("-")[0]
        if number.isdecimal() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=base))


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment of this process and of those it starts, for a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
