// The noise only, for tests and for checking other implementations of docs/noise.md.
#include <pybind11/numpy.h>

#include "cpu/launch.h"
#include "python/integers.h"
#include "python/op.h"

namespace tfvae::python {
namespace {

template <class T, class Fill>
py::array_t<T> filled(const py::object& key, const py::object& counter, int64_t n, int64_t first, const Fill& fill) {
  if (n < 0) throw py::value_error("n: got " + std::to_string(n) + ", expected 0 or more.");
  if (first < 0) throw py::value_error("first: got " + std::to_string(first) + ", expected 0 or more.");
  require(cpu::isa_error());
  const uint64_t seed = integers<uint64_t>("key", key, 1)[0];
  const std::vector<uint64_t> base = integers<uint64_t>("counter", counter, 2);
  py::array_t<T> out(n);
  T* data = out.mutable_data();
  py::gil_scoped_release others_may_run;
  fill(seed, base.data(), static_cast<uint64_t>(first), n, data);
  return out;
}

}  // namespace

py::object words(const py::object& key, const py::object& counter, int64_t n, int64_t first) {
  return filled<uint32_t>(key, counter, n, first, cpu::words);
}

py::object normals(const py::object& key, const py::object& counter, int64_t n, const py::object& dtype,
                   int64_t first) {
  const py::dtype kind = py::dtype::from_args(dtype);
  using Floats = void (*)(uint64_t, const uint64_t*, uint64_t, int64_t, float*);
  using Doubles = void (*)(uint64_t, const uint64_t*, uint64_t, int64_t, double*);
  if (kind.equal(py::dtype::of<float>())) return filled<float>(key, counter, n, first, Floats(cpu::normals));
  if (kind.equal(py::dtype::of<double>())) return filled<double>(key, counter, n, first, Doubles(cpu::normals));
  throw py::type_error("dtype: got " + std::string(py::str(kind)) + ", expected float32 or float64.");
}

}  // namespace tfvae::python
