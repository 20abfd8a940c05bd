"""Writes the ninja file of the two libraries: one object per source, with the flags of its folder."""

from __future__ import annotations

import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from csrc.building import facts

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "csrc"
OPS, KERNELS = "_tfvae_ops", "_tfvae_kernels"

STRICT = ["-Wall", "-Wextra", "-Werror"]
# No contraction: every fma is explicit in the source, so that all compilers give the same noise.
MATHS = ["-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
_COMMON = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-DNDEBUG"]
_CUDA_NAMES = ("cuda_", "gpu_")


@dataclass(frozen=True)
class Rule:
    """How one source is compiled: the command's name and the flags."""

    name: str
    flags: list[str]


def instruction_set(source: Path) -> list[str]:
    """The flags of a file of csrc/cpu that is written for one instruction set."""
    avx2 = ["-mavx2", "-mfma", "-mf16c"]
    avx512 = [f"-mavx512{part}" for part in ("f", "bw", "dq", "vl")] + ["-mfma", "-mf16c", "-mprefer-vector-width=512"]
    return {"isa_avx2": avx2, "isa_avx512": avx512}.get(source.stem, [])


def portable_sources(machine: str = platform.machine()) -> list[Path]:
    """The sources of csrc/core and csrc/cpu, without instruction sets that `machine` does not support."""
    sources = sorted(SOURCES.glob("core/*.cc")) + sorted(SOURCES.glob("cpu/*.cc"))
    return [source for source in sources if machine == "x86_64" or not instruction_set(source)]


def sources(library: str, cuda: facts.Cuda | None) -> list[Path]:
    """The sources of a library; files named cuda_…, gpu_… and *.cu only in a build with CUDA."""
    folder = "tensorflow" if library == OPS else "python"
    adapters = [*sorted(SOURCES.glob("ffi/*.cc")), *sorted(SOURCES.glob(f"{folder}/*.cc"))]
    if cuda is None:
        return portable_sources() + [source for source in adapters if not source.name.startswith(_CUDA_NAMES)]
    return portable_sources() + adapters + sorted(SOURCES.glob("cuda/*.cu"))


def rule(source: Path, cuda: facts.Cuda | None) -> Rule:
    """How a source is compiled."""
    folder = source.parent.name
    include = [f"-I{SOURCES}"]
    if folder in ("core", "cpu"):
        return Rule("cxx", _COMMON + MATHS + instruction_set(source) + STRICT + include)
    if folder == "cuda":
        assert cuda is not None
        return Rule("nvcc", _nvcc_flags(cuda) + include)
    defines = [f"-DTFVAE_CUDA={int(cuda is not None)}"]
    tensorflow = facts.tensorflow()
    if folder == "ffi":
        return Rule("cxx", _COMMON + STRICT + defines + include + [f"-isystem{tensorflow.include}"])
    if folder == "python":
        if cuda:
            defines += [f'-DTFVAE_CUDA_VERSION=\\"{cuda.version}\\"', f"-isystem{cuda.root}/include"]
        return Rule("cxx", _COMMON + STRICT + defines + include + _python_includes(tensorflow.include))
    # tf2xla's headers include these two, but TensorFlow's own list of include folders does not have them.
    extra = ["", "/external/highwayhash", "/external/farmhash_archive/src"]
    includes = [f"-isystem{tensorflow.include}{folder}" for folder in extra]
    return Rule("cxx", _COMMON + STRICT + defines + include + includes + tensorflow.flags)


def write(path: Path, cuda: facts.Cuda | None) -> None:
    """Writes the ninja file whose targets are `_tfvae_ops.so` and `_tfvae_kernels.so`."""
    from ninja import Writer

    compiler = facts.compiler()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        ninja = Writer(stream, width=10**9)
        cxx_rule(ninja, compiler)
        if cuda:
            ninja.rule(
                "nvcc",
                f"{cuda.nvcc} $flags -MD -MF $out.d -c $in -o $out",
                depfile="$out.d",
                deps="gcc",
                description="nvcc $in",
            )
        ninja.rule("link", f"{compiler} -shared -o $out $in $flags", description="link $out")
        sources_of = {library: sources(library, cuda) for library in (OPS, KERNELS)}
        # The slowest file first, so that the others compile in parallel with it.
        for source in sorted(
            {*sources_of[OPS], *sources_of[KERNELS]}, key=lambda source: (source.name != "xla.cc", source)
        ):
            compile_rule = rule(source, cuda)
            ninja.build(_object(source), compile_rule.name, str(source), variables={"flags": compile_rule.flags})
        for library, flags in ((OPS, _ops_links()), (KERNELS, [])):
            ninja.build(
                f"{library}.so",
                "link",
                [_object(source) for source in sources_of[library]],
                implicit=str(SOURCES / "exports.map"),
                variables={"flags": _links(cuda) + flags},
            )


def cxx_rule(ninja: object, compiler: str) -> None:
    """The rule that compiles one C++ source and records its headers as dependencies."""
    ninja.rule(  # type: ignore[attr-defined]
        "cxx", f"{compiler} $flags -MD -MF $out.d -c $in -o $out", depfile="$out.d", deps="gcc", description="c++ $in"
    )


def _object(source: Path) -> str:
    return f"{source.relative_to(SOURCES)}.o"


def _python_includes(tensorflow: str) -> list[str]:
    import pybind11

    paths = [sysconfig.get_path("include"), pybind11.get_include(), tensorflow]
    return [f"-isystem{path}" for path in paths]


def _nvcc_flags(cuda: facts.Cuda) -> list[str]:
    flags = ["-O3", "-std=c++17", "--fmad=false", "-Werror", "all-warnings"]
    # The host compiler also sees functions with nvcc's own pragmas.
    flags += ["-Xcompiler", "-Wall,-Wextra,-Werror,-Wno-unknown-pragmas,-fPIC,-fvisibility=hidden", "-DTFVAE_CUDA=1"]
    for number in cuda.architectures:
        # The newest also as PTX, which the driver compiles for later GPUs.
        codes = f"[sm_{number},compute_{number}]" if number == cuda.architectures[-1] else f"sm_{number}"
        flags += ["-gencode", f"arch=compute_{number},code={codes}"]
    return flags


def _links(cuda: facts.Cuda | None) -> list[str]:
    flags = [f"-Wl,--version-script={SOURCES / 'exports.map'}", "-Wl,--gc-sections", "-pthread", "-ldl"]
    # Static, so that the library also loads on machines without toolkit or driver.
    return flags + ([f"-L{cuda.root}/lib64", "-lcudart_static", "-lrt"] if cuda else [])


def _ops_links() -> list[str]:
    # The registry of XLA's kernels is in libtensorflow_cc, which is missing from TensorFlow's own list.
    return [*facts.tensorflow().links, "-l:libtensorflow_cc.so.2", "-Wl,-z,defs"]
