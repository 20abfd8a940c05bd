// Converts Python and NumPy integers, with an error sentence for anything else.
#pragma once

#include <vector>

#include "python/memory.h"

namespace tfvae::python {

// `count` integers of type Int; a single one need not be in a sequence.
template <class Int>
std::vector<Int> integers(const char* name, py::object value, size_t count) {
  const std::string came = py::repr(value);
  // NumPy arrays and scalars become Python objects.
  if (py::hasattr(value, "tolist")) value = value.attr("tolist")();
  if (py::isinstance<py::int_>(value)) value = py::make_tuple(value);
  std::vector<Int> found;
  if (py::isinstance<py::tuple>(value) || py::isinstance<py::list>(value)) {
    for (const py::handle item : value) {
      py::detail::make_caster<Int> integer;
      if (!py::isinstance<py::int_>(item) || !integer.load(item, false)) break;
      found.push_back(py::detail::cast_op<Int>(integer));
    }
    if (found.size() == py::len(value) && found.size() == count) return found;
  }
  const std::string kind = std::is_unsigned_v<Int> ? "unsigned 64-bit" : "signed 64-bit";
  const std::string wanted = count == 1 ? "one " + kind + " integer" : std::to_string(count) + " " + kind + " integers";
  throw py::value_error(std::string(name) + ": got " + came + ", expected " + wanted + ".");
}

}  // namespace tfvae::python
