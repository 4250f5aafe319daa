"""Our side of G3: the worker of a service that keeps one view, exactly as a service's worker module starts it."""

from benchmarks.notes import notebook
from shared.chassis.settings import ChassisSettings
from shared.chassis.worker_app import WorkerSpec, run_worker

SERVICE = "benchlive"


class LiveSettings(ChassisSettings):
    service = SERVICE


if __name__ == "__main__":
    run_worker(WorkerSpec((SERVICE,), (notebook(SERVICE).projection,), (), ()), LiveSettings())
