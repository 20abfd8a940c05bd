#include "ffi/call.h"

#include <string_view>

namespace tfvae::ffi {
namespace {

namespace xf = ::xla::ffi;

// Reads a call from front to back; after the first error it reads nothing more, and `status` holds the error.
class Reader {
 public:
  Reader(const xf::RemainingArgs& operands, const xf::RemainingRets& results, const xf::Dictionary& attributes)
      : operands_(operands), results_(results), attributes_(attributes) {}

  template <typename T>
  T attribute(const char* name) {
    auto value = attributes_.get<T>(name);
    if (value.has_value()) return *value;
    fail(std::string("attribute ") + name + " is missing or of another type: " + value.error().message());
    return T{};
  }

  const void* operand(const char* name, xf::DataType dtype, const Shape& shape) {
    auto buffer = next_operand(name);
    return check(name, buffer, dtype, shape);
  }

  void* result(const char* name, xf::DataType dtype, const Shape& shape) {
    if (!status.empty()) return nullptr;
    auto buffer = results_.get<xf::AnyBuffer>(result_++);
    if (!buffer.has_value()) return fail(std::string("result ") + name + " is missing.");
    return check(name, **buffer, dtype, shape);
  }

  void read_problem(Problem* problem) {
    const auto samples = attribute<int64_t>("samples");
    const auto prior = attribute<std::string_view>("prior");
    problem->per_dimension = attribute<bool>("per_dimension");
    if (status.empty()) status = parse_prior(std::string(prior), &problem->prior);
    std::optional<xf::AnyBuffer> buffers[kOperandCount];
    for (int i = 0; i < kOperandCount; ++i) buffers[i] = next_operand(kOperands[i].name);
    if (!status.empty()) return;

    read_dtype(buffers[kZMean]->element_type(), &problem->dtype);
    std::vector<Shape> shapes;
    for (const auto& buffer : buffers) shapes.push_back(shape_of(*buffer));
    if (status.empty()) status = set_extents(shapes, samples, problem);
    if (!status.empty()) return;

    mean_ = shapes[kZMean];
    const xf::DataType types[] = {dtype_, wide_, xf::U64, xf::S64};  // in the order of OperandType
    Addresses addresses;
    for (int i = 0; i < kOperandCount; ++i) {
      const Shape shape = operand_shape(static_cast<Operand>(i), mean_, problem->prior);
      addresses[i] = check(kOperands[i].name, buffers[i], types[static_cast<int>(kOperands[i].type)], shape);
    }
    set_addresses(addresses, problem);
  }

  const Shape& mean() const { return mean_; }
  xf::DataType dtype() const { return dtype_; }
  xf::DataType wide() const { return wide_; }

  Status status;

 private:
  std::nullptr_t fail(std::string sentence) {
    if (status.empty()) status = std::move(sentence);
    return nullptr;
  }

  std::optional<xf::AnyBuffer> next_operand(const char* name) {
    if (!status.empty()) return std::nullopt;
    auto buffer = operands_.get<xf::AnyBuffer>(operand_++);
    if (buffer.has_value()) return *buffer;
    fail(std::string(name) + " is missing: the call has " + std::to_string(operands_.size()) + " operands.");
    return std::nullopt;
  }

  void* check(const char* name, const std::optional<xf::AnyBuffer>& buffer, xf::DataType dtype, const Shape& shape) {
    if (!status.empty()) return nullptr;
    if (buffer->element_type() != dtype) {
      return fail(std::string(name) + ": got " + name_of(buffer->element_type()) + ", expected " + name_of(dtype) +
                  ".");
    }
    status = expect_shape(name, shape_of(*buffer), shape);
    return status.empty() ? buffer->untyped_data() : nullptr;
  }

  void read_dtype(xf::DataType came, DType* dtype) {
    dtype_ = came;
    wide_ = came == xf::F64 ? xf::F64 : xf::F32;
    if (came == xf::F16) {
      *dtype = DType::kHalf;
    } else if (came == xf::BF16) {
      *dtype = DType::kBFloat16;
    } else if (came == xf::F32) {
      *dtype = DType::kFloat;
    } else if (came == xf::F64) {
      *dtype = DType::kDouble;
    } else {
      fail("z_mean: got " + name_of(came) + ", expected f16, bf16, f32 or f64.");
    }
  }

  static Shape shape_of(const xf::AnyBuffer& buffer) {
    return Shape(buffer.dimensions().begin(), buffer.dimensions().end());
  }

  static std::string name_of(xf::DataType dtype) {
    switch (dtype) {
      case xf::F16:
        return "f16";
      case xf::BF16:
        return "bf16";
      case xf::F32:
        return "f32";
      case xf::F64:
        return "f64";
      case xf::S64:
        return "s64";
      case xf::U64:
        return "u64";
      default:
        return "XLA type " + std::to_string(static_cast<int>(dtype));
    }
  }

  const xf::RemainingArgs& operands_;
  const xf::RemainingRets& results_;
  const xf::Dictionary& attributes_;
  size_t operand_ = 0, result_ = 0;
  xf::DataType dtype_ = xf::F32, wide_ = xf::F32;
  Shape mean_;
};

}  // namespace

Status read_forward(const xf::RemainingArgs& operands, const xf::RemainingRets& results,
                    const xf::Dictionary& attributes, Forward* call) {
  Reader reader(operands, results, attributes);
  Problem& problem = call->problem;
  reader.read_problem(&problem);
  const bool log_q = reader.attribute<bool>("log_q");
  if (!reader.status.empty()) return reader.status;
  const Shape mean = reader.mean();
  call->outputs.z = reader.result("z", reader.dtype(), z_shape(mean, problem.samples));
  call->outputs.kl = reader.result("kl", reader.wide(), kl_shape(mean, problem.per_dimension));
  if (log_q) call->outputs.log_q = reader.result("log_q", reader.wide(), log_q_shape(mean, problem.samples));
  return reader.status;
}

Status read_gradient(const xf::RemainingArgs& operands, const xf::RemainingRets& results,
                     const xf::Dictionary& attributes, Gradient* call) {
  Reader reader(operands, results, attributes);
  Problem& problem = call->problem;
  reader.read_problem(&problem);
  const bool d_z = reader.attribute<bool>("d_z");
  const bool d_kl = reader.attribute<bool>("d_kl");
  const bool d_log_q = reader.attribute<bool>("d_log_q");
  const bool prior_gradient = reader.attribute<bool>("prior_gradient");
  if (!reader.status.empty()) return reader.status;
  const Shape mean = reader.mean();
  if (d_z) call->upstream.z = reader.operand("d_z", reader.dtype(), z_shape(mean, problem.samples));
  if (d_kl) call->upstream.kl = reader.operand("d_kl", reader.wide(), kl_shape(mean, problem.per_dimension));
  if (d_log_q) {
    call->upstream.log_q = reader.operand("d_log_q", reader.wide(), log_q_shape(mean, problem.samples));
  }
  call->gradients.mean = reader.result("d_z_mean", reader.dtype(), mean);
  call->gradients.log_var = reader.result("d_z_log_var", reader.dtype(), mean);
  if (prior_gradient && problem.prior == Prior::kStandard) {
    return "prior_gradient: got true, but the standard prior has no gradient; set it to false.";
  }
  if (prior_gradient) {
    const Shape prior_mean = operand_shape(kPriorMean, mean, problem.prior);
    const Shape prior_scale = operand_shape(kPriorScale, mean, problem.prior);
    call->gradients.prior_mean = reader.result("d_prior_mean", reader.wide(), prior_mean);
    call->gradients.prior_scale = reader.result("d_prior_scale", reader.wide(), prior_scale);
  }
  return reader.status;
}

}  // namespace tfvae::ffi
