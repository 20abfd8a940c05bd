#include "ffi/handlers.h"

#include "cpu/launch.h"
#include "ffi/call.h"
#include "ffi/thread_pool.h"

namespace tfvae::ffi {
namespace {

namespace xf = ::xla::ffi;

xf::Error forward(xf::ThreadPool pool, xf::RemainingArgs operands, xf::RemainingRets results,
                  xf::Dictionary attributes) {
  Forward call;
  if (Status bad = read_forward(operands, results, attributes, &call); !bad.empty()) return to_error(bad);
  return to_error(cpu::sample_and_kl(call.problem, call.outputs, with_pool(pool)));
}

xf::Error gradient(xf::ThreadPool pool, xf::RemainingArgs operands, xf::RemainingRets results,
                   xf::Dictionary attributes) {
  Gradient call;
  if (Status bad = read_gradient(operands, results, attributes, &call); !bad.empty()) return to_error(bad);
  return to_error(cpu::sample_and_kl_grad(call.problem, call.upstream, call.gradients, with_pool(pool)));
}

auto binding() { return xf::Ffi::Bind().Ctx<xf::ThreadPool>().RemainingArgs().RemainingRets().Attrs(); }

}  // namespace
}  // namespace tfvae::ffi

XLA_FFI_DEFINE_HANDLER_SYMBOL(tfvae_sample_and_kl_host, tfvae::ffi::forward, tfvae::ffi::binding());
XLA_FFI_DEFINE_HANDLER_SYMBOL(tfvae_sample_and_kl_grad_host, tfvae::ffi::gradient, tfvae::ffi::binding());
