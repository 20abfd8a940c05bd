// Cases with random inputs, and helpers that run a case through the CPU launchers: numbers to bytes, bytes to numbers.
#pragma once

#include <cstring>
#include <random>
#include <string>

#include "check.h"
#include "cpu/launch.h"
#include "reference.h"

namespace tfvae::test {

using Bytes = std::vector<unsigned char>;

inline DType wide(DType dtype) { return dtype == DType::kDouble ? DType::kDouble : DType::kFloat; }

inline size_t size_of(DType dtype) {
  if (dtype == DType::kDouble) return 8;
  return dtype == DType::kFloat ? 4 : 2;
}

inline const char* name_of(DType dtype) {
  const char* names[] = {"half", "bfloat16", "float", "double"};
  return names[static_cast<int>(dtype)];
}

inline const char* name_of(Prior prior) {
  const char* names[] = {"standard", "diagonal", "cholesky"};
  return names[static_cast<int>(prior)];
}

// Half the spacing of numbers at 1: the relative error of one rounding.
inline Real half_ulp(DType dtype) {
  const int bits[] = {11, 8, 24, 53};
  return std::ldexp(Real(1), -bits[static_cast<int>(dtype)]);
}

// To the nearest number of the type, ties to even; overflow and subnormal numbers do not occur in the cases.
inline Real rounded(Real x, DType dtype) {
  if (dtype == DType::kDouble) return static_cast<double>(x);
  if (dtype == DType::kFloat || x == 0 || std::isnan(x)) return static_cast<float>(x);
  int exponent;
  const Real digits = std::ldexp(std::frexp(x, &exponent), dtype == DType::kHalf ? 11 : 8);
  return std::ldexp(std::nearbyint(digits), exponent - (dtype == DType::kHalf ? 11 : 8));
}

inline uint32_t float_bits(Real x) {
  const float value = static_cast<float>(x);
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline uint16_t half_bits(Real x) {
  const uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000;
  if ((bits & 0x7FFFFFFF) == 0) return static_cast<uint16_t>(sign);
  if (std::isnan(x)) return 0x7E00;
  return static_cast<uint16_t>(sign | (((bits >> 23 & 0xFF) - 112) << 10) | (bits >> 13 & 0x3FF));
}

inline Real from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const Real digits = bits & 0x3FF, sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31) return digits != 0 ? std::nanl("") : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + digits, exponent - 25) : std::ldexp(digits, -24));
}

// Bytes at an address that is aligned to the element but not to a vector.
class Buffer {
 public:
  Buffer() = default;
  Buffer(int64_t count, DType dtype) : dtype_(dtype), bytes_((count + 1) * size_of(dtype), 0xA5) {}
  Buffer(const Values& values, DType dtype) : Buffer(static_cast<int64_t>(values.size()), dtype) {
    for (size_t i = 0; i < values.size(); ++i) set(i, values[i]);
  }

  void* data() { return bytes_.empty() ? nullptr : bytes_.data() + size_of(dtype_); }
  const unsigned char* at(int64_t i) const { return bytes_.data() + (i + 1) * size_of(dtype_); }
  int64_t size() const { return bytes_.empty() ? 0 : static_cast<int64_t>(bytes_.size() / size_of(dtype_)) - 1; }

  Values values() const {
    Values out;
    for (int64_t i = 0; i < size(); ++i) out.push_back(get(i));
    return out;
  }

  Real get(int64_t i) const {
    if (dtype_ == DType::kDouble) return load<double>(i);
    if (dtype_ == DType::kFloat) return load<float>(i);
    if (dtype_ == DType::kHalf) return from_half(load<uint16_t>(i));
    const uint32_t bits = uint32_t{load<uint16_t>(i)} << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  void set(int64_t i, Real x) {
    if (dtype_ == DType::kDouble) return store(i, static_cast<double>(x));
    if (dtype_ == DType::kFloat) return store(i, static_cast<float>(x));
    store(i, dtype_ == DType::kHalf ? half_bits(x) : static_cast<uint16_t>(float_bits(x) >> 16));
  }

 private:
  template <class T>
  T load(int64_t i) const {
    T value;
    std::memcpy(&value, at(i), sizeof value);
    return value;
  }
  template <class T>
  void store(int64_t i, T value) {
    std::memcpy(bytes_.data() + (i + 1) * sizeof value, &value, sizeof value);
  }

  DType dtype_ = DType::kFloat;
  Bytes bytes_;
};

inline Values random_values(std::mt19937_64& random, int64_t count, Real low, Real high, DType dtype) {
  Values values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(rounded(low + (high - low) * Real(random() >> 11) * 0x1p-53L, dtype));
  }
  return values;
}

// Fills the inputs of a case whose extents are set; the correlated prior is well conditioned at any size.
inline void fill(Case& c, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  const int64_t n = c.latent;
  c.mean = random_values(random, c.batch * c.width(), -2, 2, c.dtype);
  c.log_var = random_values(random, c.batch * c.width(), -4, 1.5, c.dtype);
  if (c.prior == Prior::kStandard) return;
  c.prior_mean = random_values(random, n, -1, 1, wide(c.dtype));
  const Values diagonal = random_values(random, n, 0.5, 1.5, wide(c.dtype));
  c.prior_scale = diagonal;
  if (c.prior == Prior::kDiagonal) return;
  c.prior_scale = random_values(random, n * n, -1.0L / n, 1.0L / n, wide(c.dtype));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) c.prior_scale[i * n + j] = i == j ? diagonal[i] : 0;
  }
}

inline std::string describe(const Case& c) {
  std::ostringstream out;
  out << name_of(c.dtype) << ", " << name_of(c.prior) << " prior, batch " << c.batch << ", " << c.positions << " x "
      << c.latent << ", samples " << c.samples << (c.per_dimension ? ", per dimension" : "") << ", first example "
      << c.first_example << ", isa " << cpu::isa();
  return out.str();
}

// The inputs of a case in memory.
struct Loaded {
  explicit Loaded(const Case& c)
      : mean(c.mean, c.dtype),
        log_var(c.log_var, c.dtype),
        prior_mean(c.prior_mean, wide(c.dtype)),
        prior_scale(c.prior_scale, wide(c.dtype)),
        source(c) {}

  Problem problem() {
    Problem p;
    p.dtype = source.dtype;
    p.prior = source.prior;
    p.per_dimension = source.per_dimension;
    p.batch = source.batch;
    p.width = source.width();
    p.latent = source.latent;
    p.samples = source.samples;
    p.key = &source.key;
    p.counter = source.counter;
    p.first_example = &source.first_example;
    p.mean = mean.data();
    p.log_var = log_var.data();
    const bool standard = source.prior == Prior::kStandard;
    p.prior_mean = standard ? nullptr : prior_mean.data();
    p.prior_scale = standard ? nullptr : prior_scale.data();
    return p;
  }

  Buffer mean, log_var, prior_mean, prior_scale;
  Case source;
};

struct Results {
  Buffer z, kl, log_q;
  Status status;
};

inline Results run_forward(const Case& c, const cpu::ParallelFor& parallel = cpu::serial) {
  Loaded loaded(c);
  const int64_t count = c.batch * c.width();
  Results r{Buffer(c.samples * count, c.dtype), Buffer(c.per_dimension ? count : c.batch, wide(c.dtype)),
            Buffer(c.samples * c.batch, wide(c.dtype)), {}};
  r.status = cpu::sample_and_kl(loaded.problem(), {r.z.data(), r.kl.data(), r.log_q.data()}, parallel);
  return r;
}

struct GradientResults {
  Buffer mean, log_var, prior_mean, prior_scale;
  Status status;
};

inline GradientResults run_backward(const Case& c, const Upstreams& upstream,
                                    const cpu::ParallelFor& parallel = cpu::serial) {
  Loaded loaded(c);
  const int64_t count = c.batch * c.width();
  Buffer d_z(upstream.z, c.dtype), d_kl(upstream.kl, wide(c.dtype)), d_log_q(upstream.log_q, wide(c.dtype));
  const int64_t priors = static_cast<int64_t>(c.prior_mean.size()), scales = static_cast<int64_t>(c.prior_scale.size());
  GradientResults r{Buffer(count, c.dtype), Buffer(count, c.dtype), Buffer(priors, wide(c.dtype)),
                    Buffer(scales, wide(c.dtype)), {}};
  const auto given = [](Buffer& buffer) { return buffer.size() ? buffer.data() : nullptr; };
  r.status = cpu::sample_and_kl_grad(
      loaded.problem(), {given(d_z), given(d_kl), given(d_log_q)},
      {r.mean.data(), r.log_var.data(), given(r.prior_mean), given(r.prior_scale)}, parallel);
  return r;
}

// Bits of [begin, begin + count) of two buffers, where NaN equals NaN.
inline void check_same_bits(const Buffer& came, int64_t came_begin, const Buffer& wanted, int64_t wanted_begin,
                            int64_t count, size_t size) {
  for (int64_t i = 0; i < count; ++i) {
    if (std::memcmp(came.at(came_begin + i), wanted.at(wanted_begin + i), size) == 0) continue;
    if (std::isnan(came.get(came_begin + i)) && std::isnan(wanted.get(wanted_begin + i))) continue;
    fail(__FILE__, __LINE__, "same bits", came.get(came_begin + i), wanted.get(wanted_begin + i));
  }
}

inline constexpr DType kTypes[] = {DType::kHalf, DType::kBFloat16, DType::kFloat, DType::kDouble};
inline constexpr Prior kPriors[] = {Prior::kStandard, Prior::kDiagonal, Prior::kCholesky};

}  // namespace tfvae::test
