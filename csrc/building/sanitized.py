"""Builds and runs the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer.

`python -m csrc.building.sanitized`, from the root of the repository. Each tests/csrc/test_*.cc is a separate
program, run once for every instruction set that this processor has.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from csrc.building import command, facts, ninja_file

_TESTS = ninja_file.ROOT / "tests" / "csrc"
_FOLDER = ninja_file.ROOT / "build" / "native" / "sanitized"
_SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def main() -> int:
    """Builds and runs the tests; returns the exit status."""
    try:
        programs = build()
    except facts.BuildError as error:
        sys.exit(f"tfvae: {error}")
    failed = []
    for program in programs:
        for isa in instruction_sets():
            print(f"{program.name}, {isa}", flush=True)
            environment = {**os.environ, "TFVAE_ISA": isa}
            if subprocess.run([program], cwd=ninja_file.ROOT, env=environment, check=False).returncode:
                failed.append(f"{program.name} ({isa})")
    print(f"failed: {', '.join(failed)}" if failed else f"{len(programs)} programs passed")
    return int(bool(failed))


def build() -> list[Path]:
    """Compiles what changed; returns the programs."""
    tests = sorted(_TESTS.glob("test_*.cc"))
    _write(_FOLDER / "build.ninja", tests)
    command.run_ninja(_FOLDER)
    return [_FOLDER / test.stem for test in tests]


def instruction_sets() -> list[str]:
    """The values of TFVAE_ISA that this processor can run."""
    if platform.machine() != "x86_64":
        return ["neon"]
    supported = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    known = {"avx2": {"avx2", "fma", "f16c"}, "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"}}
    return ["portable", *(name for name, flags in known.items() if flags <= supported)]


def _write(path: Path, tests: list[Path]) -> None:
    from ninja import Writer

    flags = [*ninja_file.MATHS, "-O1", "-g", *_SANITIZERS, *ninja_file.STRICT]
    flags += [f"-I{ninja_file.SOURCES}", f"-I{_TESTS}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        ninja = Writer(stream, width=10**9)
        ninja_file.cxx_rule(ninja, facts.compiler())
        ninja.rule("link", f"{facts.compiler()} -o $out $in {' '.join(_SANITIZERS)} -pthread", description="link $out")
        objects = []
        for source in ninja_file.portable_sources():
            objects.append(f"{source.parent.name}/{source.name}.o")
            source_flags = [*flags, *ninja_file.instruction_set(source)]
            ninja.build(objects[-1], "cxx", str(source), variables={"flags": source_flags})
        for test in tests:
            ninja.build(f"{test.name}.o", "cxx", str(test), variables={"flags": flags})
            ninja.build(test.stem, "link", [f"{test.name}.o", *objects])


if __name__ == "__main__":
    sys.exit(main())
