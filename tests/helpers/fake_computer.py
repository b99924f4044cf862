"""A computer's files in a folder: governors, sleep states, interrupts and limits."""

from pathlib import Path

from rt_ner.doctor.computer.files.system_files import SystemFiles
from rt_ner.doctor.computer.ledger import Ledger
from rt_ner.doctor.computer.repair import Repair
from rt_ner.system.computer.wake_ups import WakeUps

CPUS = "/sys/devices/system/cpu"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
LIMITS = "/etc/security/limits.d/rt-ner.conf"
ON_TIME = WakeUps(1000, 10.0, 20.0, 30.0)


def governor_of(core: int) -> str:
    return f"{CPUS}/cpu{core}/cpufreq/scaling_governor"


def affinity_of(interrupt: int) -> str:
    return f"/proc/irq/{interrupt}/smp_affinity_list"


def state_of(core: int, state: int, what: str = "disable") -> str:
    return f"{CPUS}/cpu{core}/cpuidle/state{state}/{what}"


class FakeComputer(SystemFiles):
    """Files below a folder; it refuses to write those named in ``refused``."""

    def __init__(self, root: Path, n_cores: int = 4) -> None:
        super().__init__(root)
        self.root = root
        self.refused: set[str] = set()
        self.written: list[str] = []
        self.put(f"{CPUS}/online", f"0-{n_cores - 1}" if n_cores > 1 else "0")
        self.put(BOOT_ID, "first")

    def put(self, name: str, content: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if name.startswith("/etc") else f"{content}\n", encoding="utf-8")

    def write(self, name: str, content: str | None) -> None:
        if name in self.refused:
            raise PermissionError(1, "Operation not permitted", name)
        self.written.append(name)
        super().write(name, content)

    def contents(self) -> dict[str, str]:
        files = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        return {self.name(path): path.read_text(encoding="utf-8").strip() for path in files}

    def with_governors(self, *governors: str) -> "FakeComputer":
        for core, governor in enumerate(governors):
            self.put(governor_of(core), governor)
        return self

    def with_interrupts(self, **allowed: str) -> "FakeComputer":
        """Add interrupts, such as ``irq24="0-3"``."""
        for name, cores in allowed.items():
            self.put(affinity_of(int(name.removeprefix("irq"))), cores)
        return self

    def with_states(self, core: int, *exit_us: int) -> "FakeComputer":
        for state, us in enumerate(exit_us):
            self.put(state_of(core, state), "0")
            self.put(state_of(core, state, "latency"), str(us))
            self.put(state_of(core, state, "name"), f"C{state}")
        return self

    def with_limits(self, content: str | None = None) -> "FakeComputer":
        self.path(LIMITS).parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            self.put(LIMITS, content)
        return self

    def repair(self) -> Repair:
        return Repair(self, self.ledger)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root.parent / f"{self.root.name}-state" / "computer.json")
