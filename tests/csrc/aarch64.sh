#!/usr/bin/env bash
# Compiles csrc/core, csrc/cpu and their tests for aarch64 and runs them under qemu-user. Run it from the root of the
# repository. Debian has the tools in g++-aarch64-linux-gnu and qemu-user.
set -euo pipefail

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$tool" > /dev/null; then
    echo "test-native-aarch64: skipped, $tool is not on PATH."
    exit 0
  fi
done

folder=build/native-aarch64
mkdir -p "$folder"
# The flags of csrc/building, without those for the instruction sets of x86-64.
flags=(-std=c++17 -O2 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wall -Wextra -Werror -Icsrc -Itests/csrc)
objects=()
for source in csrc/core/*.cc csrc/cpu/*.cc; do
  case "$source" in *isa_avx*) continue ;; esac
  object="$folder/$(basename "$source").o"
  aarch64-linux-gnu-g++ "${flags[@]}" -c "$source" -o "$object"
  objects+=("$object")
done
for source in tests/csrc/test_*.cc; do
  case "$source" in *test_cuda_*) continue ;; esac
  program="$folder/$(basename "$source" .cc)"
  aarch64-linux-gnu-g++ "${flags[@]}" "$source" "${objects[@]}" -static -pthread -o "$program"
  qemu-aarch64 "$program"
done
