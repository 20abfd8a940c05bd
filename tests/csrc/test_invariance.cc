// The same inputs give the same bits, whatever the threads, the order of the parts, the shard and the number of
// samples; and a NaN affects only its own example.
#include <mutex>

#include "cases.h"

namespace tfvae::test {
namespace {

Case make(DType dtype, Prior prior, bool per_dimension, int64_t latent, int64_t batch = 71) {
  Case c;
  c.dtype = dtype;
  c.prior = prior;
  c.per_dimension = per_dimension;
  c.batch = batch;
  c.latent = latent;
  c.samples = 3;
  c.first_example = 17;
  fill(c, 3);
  return c;
}

Upstreams make_upstreams(const Case& c) {
  std::mt19937_64 random(4);
  const int64_t count = c.batch * c.width();
  return {random_values(random, c.samples * count, -1, 1, c.dtype),
          random_values(random, c.per_dimension ? count : c.batch, -1, 1, wide(c.dtype)),
          random_values(random, c.samples * c.batch, -1, 1, wide(c.dtype))};
}

template <class Check>
void every_kind(const Check& check) {
  for (const DType dtype : kTypes) {
    for (const Prior prior : kPriors) {
      for (const bool per_dimension : {false, true}) {
        for (const int64_t latent : {1, 3, 37, 130}) {
          const Case c = make(dtype, prior, per_dimension, latent);
          context() = describe(c);
          check(c);
        }
      }
    }
  }
}

void same(const Case& c, const Results& came, const Results& wanted) {
  CHECK_EQ(came.status, wanted.status);
  check_same_bits(came.z, 0, wanted.z, 0, wanted.z.size(), size_of(c.dtype));
  check_same_bits(came.kl, 0, wanted.kl, 0, wanted.kl.size(), size_of(wide(c.dtype)));
  check_same_bits(came.log_q, 0, wanted.log_q, 0, wanted.log_q.size(), size_of(wide(c.dtype)));
}

void same(const Case& c, const GradientResults& came, const GradientResults& wanted) {
  CHECK_EQ(came.status, wanted.status);
  check_same_bits(came.mean, 0, wanted.mean, 0, wanted.mean.size(), size_of(c.dtype));
  check_same_bits(came.log_var, 0, wanted.log_var, 0, wanted.log_var.size(), size_of(c.dtype));
  const size_t wide_size = size_of(wide(c.dtype));
  check_same_bits(came.prior_mean, 0, wanted.prior_mean, 0, wanted.prior_mean.size(), wide_size);
  check_same_bits(came.prior_scale, 0, wanted.prior_scale, 0, wanted.prior_scale.size(), wide_size);
}

// Single units, in reverse order.
void backwards(int64_t total, int64_t, const cpu::Body& body) {
  for (int64_t i = total; i-- > 0;) body(i, i + 1);
}

// Uneven parts.
void uneven(int64_t total, int64_t, const cpu::Body& body) {
  for (int64_t begin = 0, part = 1; begin < total; begin += part, part = part % 5 + 1) {
    body(begin, std::min(total, begin + part));
  }
}

void parallel_does_not_matter(const Case& c) {
  const Upstreams upstream = make_upstreams(c);
  const Results forward = run_forward(c);
  const GradientResults gradient = run_backward(c, upstream);
  CHECK_EQ(forward.status, "");
  CHECK_EQ(gradient.status, "");
  const cpu::ParallelFor ways[] = {cpu::with_threads(1), cpu::with_threads(2), cpu::with_threads(7), backwards, uneven};
  for (const cpu::ParallelFor& parallel : ways) {
    same(c, run_forward(c, parallel), forward);
    same(c, run_backward(c, upstream, parallel), gradient);
  }
}

Values slice(const Values& values, int64_t begin, int64_t end) {
  return values.empty() ? Values() : Values(values.begin() + begin, values.begin() + end);
}

// Examples [begin, end) of a case.
Case shard_of(const Case& c, int64_t begin, int64_t end) {
  Case shard = c;
  shard.batch = end - begin;
  shard.first_example += begin;
  shard.mean = slice(c.mean, begin * c.width(), end * c.width());
  shard.log_var = slice(c.log_var, begin * c.width(), end * c.width());
  return shard;
}

Upstreams shard_of(const Case& c, const Upstreams& upstream, int64_t begin, int64_t end) {
  Upstreams shard;
  const int64_t per = c.per_dimension ? c.width() : 1;
  shard.kl = slice(upstream.kl, begin * per, end * per);
  for (int64_t k = 0; k < c.samples; ++k) {
    const Values z = slice(upstream.z, (k * c.batch + begin) * c.width(), (k * c.batch + end) * c.width());
    const Values log_q = slice(upstream.log_q, k * c.batch + begin, k * c.batch + end);
    shard.z.insert(shard.z.end(), z.begin(), z.end());
    shard.log_q.insert(shard.log_q.end(), log_q.begin(), log_q.end());
  }
  return shard;
}

void shards_do_not_matter(const Case& c) {
  const Upstreams upstream = make_upstreams(c);
  const Results whole = run_forward(c);
  const GradientResults gradient = run_backward(c, upstream);
  const int64_t width = c.width(), per = c.per_dimension ? width : 1;
  const size_t narrow = size_of(c.dtype), broad = size_of(wide(c.dtype));
  const int64_t cuts[] = {0, 1, 6, 39, c.batch};
  for (int part = 0; part < 4; ++part) {
    const int64_t begin = cuts[part], end = cuts[part + 1], size = end - begin;
    const Case shard = shard_of(c, begin, end);
    const Results came = run_forward(shard);
    const GradientResults back = run_backward(shard, shard_of(c, upstream, begin, end));
    CHECK_EQ(came.status + back.status, "");
    check_same_bits(came.kl, 0, whole.kl, begin * per, size * per, broad);
    for (int64_t k = 0; k < c.samples; ++k) {
      check_same_bits(came.z, k * size * width, whole.z, (k * c.batch + begin) * width, size * width, narrow);
      check_same_bits(came.log_q, k * size, whole.log_q, k * c.batch + begin, size, broad);
    }
    check_same_bits(back.mean, 0, gradient.mean, begin * width, size * width, narrow);
    check_same_bits(back.log_var, 0, gradient.log_var, begin * width, size * width, narrow);
  }
}

// Sample k equals the only sample at counter (low, high + k).
void samples_do_not_matter(const Case& c) {
  const Results whole = run_forward(c);
  const int64_t count = c.batch * c.width();
  for (int64_t k = 0; k < c.samples; ++k) {
    Case one = c;
    one.samples = 1;
    one.counter[1] += static_cast<uint64_t>(k);
    const Results came = run_forward(one);
    check_same_bits(came.z, 0, whole.z, k * count, count, size_of(c.dtype));
    check_same_bits(came.log_q, 0, whole.log_q, k * c.batch, c.batch, size_of(wide(c.dtype)));
    check_same_bits(came.kl, 0, whole.kl, 0, whole.kl.size(), size_of(wide(c.dtype)));
  }
}

// With one example NaN, all others keep their bits, and its own KL is NaN.
void nan_stays_at_home(const Case& c) {
  const Upstreams upstream = make_upstreams(c);
  const Results clean = run_forward(c);
  const GradientResults clean_back = run_backward(c, upstream);
  const int64_t width = c.width(), per = c.per_dimension ? width : 1, sick = 34, element = width / 2;
  const size_t narrow = size_of(c.dtype), broad = size_of(wide(c.dtype));
  for (Values Case::* input : {&Case::mean, &Case::log_var}) {
    Case broken = c;
    (broken.*input)[sick * width + element] = NAN;
    const Results came = run_forward(broken);
    const GradientResults back = run_backward(broken, upstream);
    CHECK_EQ(came.status + back.status, "");
    const auto others_same = [&](const Buffer& now, const Buffer& before, int64_t base, int64_t row, size_t size) {
      check_same_bits(now, base, before, base, sick * row, size);
      const int64_t after = base + (sick + 1) * row;
      check_same_bits(now, after, before, after, (c.batch - sick - 1) * row, size);
    };
    others_same(came.kl, clean.kl, 0, per, broad);
    others_same(back.mean, clean_back.mean, 0, width, narrow);
    others_same(back.log_var, clean_back.log_var, 0, width, narrow);
    for (int64_t k = 0; k < c.samples; ++k) {
      others_same(came.z, clean.z, k * c.batch * width, width, narrow);
      others_same(came.log_q, clean.log_q, k * c.batch, 1, broad);
      CHECK_EQ(std::isnan(came.z.get((k * c.batch + sick) * width + element)), true);
      CHECK_EQ(std::isnan(came.log_q.get(k * c.batch + sick)), input == &Case::log_var);
    }
    CHECK_EQ(std::isnan(came.kl.get(c.per_dimension ? sick * width + element : sick)), true);
    const Buffer& gradient = input == &Case::mean ? back.mean : back.log_var;
    CHECK_EQ(std::isnan(gradient.get(sick * width + element)), true);
  }
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  every_kind(parallel_does_not_matter);
  // More units than the parts in which the prior's gradients are summed.
  for (const tfvae::Prior prior : kPriors) {
    parallel_does_not_matter(make(tfvae::DType::kFloat, prior, false, 3, 23000));
  }
  every_kind(shards_do_not_matter);
  every_kind(samples_do_not_matter);
  every_kind(nan_stays_at_home);
  return done("test_invariance");
}
