#include "decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <type_traits>

#include "json.h"
#include "litert_c_api.h"
#include "noise.h"

namespace tfvae::edge {
namespace {

void check(LiteRtStatus status, const std::string& what) {
  if (status != 0) throw std::runtime_error(what + ": LiteRT gives status " + std::to_string(status) + ".");
}

// A handle of LiteRT with what destroys it.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, void (*)(Handle)>;

template <class Handle, class Create>
Owned<Handle> owned(void (*destroy)(Handle), const std::string& what, Create create) {
  Handle handle = nullptr;
  check(create(&handle), what);
  return {handle, destroy};
}

// An input or output of the signature, as floats; int8 goes through its scale and zero point.
class Port {
 public:
  Port(LiteRtEnvironment environment, LiteRtTensor tensor, LiteRtTensorBufferRequirements requirements) {
    check(LiteRtGetRankedTensorType(tensor, &type_), "tensor");
    if (type_.element_type == kLiteRtElementTypeInt8) {
      check(LiteRtGetPerTensorQuantization(tensor, &quantization_), "quantization");
    } else if (type_.element_type != kLiteRtElementTypeFloat32) {
      throw std::runtime_error("got a tensor that is neither float32 nor int8.");
    }
    for (unsigned int axis = 0; axis < type_.layout.rank; ++axis) {
      size_ *= static_cast<size_t>(type_.layout.dimensions[axis]);
    }
    buffer_ = owned<LiteRtTensorBuffer>(LiteRtDestroyTensorBuffer, "buffer", [&](LiteRtTensorBuffer* buffer) {
      return LiteRtCreateManagedTensorBufferFromRequirements(environment, &type_, requirements, buffer);
    });
  }

  size_t size() const { return size_; }
  size_t batch() const { return static_cast<size_t>(type_.layout.dimensions[0]); }
  LiteRtTensorBuffer buffer() const { return buffer_.get(); }

  void write(const float* values) {
    void* memory = lock(kLiteRtTensorBufferLockModeWrite);
    if (type_.element_type == kLiteRtElementTypeFloat32) {
      std::memcpy(memory, values, size_ * sizeof(float));
    } else {
      std::transform(values, values + size_, static_cast<int8_t*>(memory), [this](float value) {
        const float level = std::nearbyint(value / quantization_.scale) + static_cast<float>(quantization_.zero_point);
        return static_cast<int8_t>(std::clamp(level, -128.0f, 127.0f));
      });
    }
    check(LiteRtUnlockTensorBuffer(buffer()), "buffer");
  }

  void read(float* values) {
    const void* memory = lock(kLiteRtTensorBufferLockModeRead);
    if (type_.element_type == kLiteRtElementTypeFloat32) {
      std::memcpy(values, memory, size_ * sizeof(float));
    } else {
      const int8_t* levels = static_cast<const int8_t*>(memory);
      std::transform(levels, levels + size_, values, [this](int8_t level) {
        return static_cast<float>(level - quantization_.zero_point) * quantization_.scale;
      });
    }
    check(LiteRtUnlockTensorBuffer(buffer()), "buffer");
  }

 private:
  void* lock(LiteRtTensorBufferLockMode mode) {
    void* memory = nullptr;
    check(LiteRtLockTensorBuffer(buffer(), &memory, mode), "buffer");
    return memory;
  }

  LiteRtRankedTensorType type_{};
  LiteRtQuantizationPerTensor quantization_{};
  size_t size_ = 1;
  Owned<LiteRtTensorBuffer> buffer_{nullptr, LiteRtDestroyTensorBuffer};
};

LiteRtParamIndex find_signature(LiteRtModel model, const std::string& wanted, LiteRtSignature* signature) {
  LiteRtParamIndex count = 0;
  check(LiteRtGetNumModelSignatures(model, &count), "signatures");
  for (LiteRtParamIndex index = 0; index < count; ++index) {
    const char* key = nullptr;
    check(LiteRtGetModelSignature(model, index, signature), "signature");
    check(LiteRtGetSignatureKey(*signature, &key), "signature");
    if (wanted == key) return index;
  }
  throw std::runtime_error("the file has no signature " + wanted + ".");
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read.");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

// The signature `decode`, in the batch that it has. Members are destroyed from the last to the first.
struct Decoder::Compiled {
  explicit Compiled(const std::string& path) {
    environment = owned<LiteRtEnvironment>(
        LiteRtDestroyEnvironment, "environment",
        [](LiteRtEnvironment* made) { return LiteRtCreateEnvironment(0, nullptr, made); });
    model = owned<LiteRtModel>(LiteRtDestroyModel, path, [&](LiteRtModel* made) {
      return LiteRtCreateModelFromFile(environment.get(), path.c_str(), made);
    });
    options = owned<LiteRtOptions>(LiteRtDestroyOptions, "options", LiteRtCreateOptions);
    check(LiteRtSetOptionsHardwareAccelerators(options.get(), kLiteRtHwAcceleratorCpu), "options");
    compiled = owned<LiteRtCompiledModel>(LiteRtDestroyCompiledModel, path, [&](LiteRtCompiledModel* made) {
      return LiteRtCreateCompiledModel(environment.get(), model.get(), options.get(), made);
    });

    LiteRtSignature found = nullptr;
    signature = find_signature(model.get(), "decode", &found);
    LiteRtTensor z = nullptr, mean = nullptr;
    check(LiteRtGetSignatureInputTensorByIndex(found, 0, &z), "z");
    check(LiteRtGetSignatureOutputTensorByIndex(found, 0, &mean), "mean");
    LiteRtTensorBufferRequirements of_z = nullptr, of_mean = nullptr;
    check(LiteRtGetCompiledModelInputBufferRequirements(compiled.get(), signature, 0, &of_z), "z");
    check(LiteRtGetCompiledModelOutputBufferRequirements(compiled.get(), signature, 0, &of_mean), "mean");
    input = std::make_unique<Port>(environment.get(), z, of_z);
    output = std::make_unique<Port>(environment.get(), mean, of_mean);
  }

  void run() {
    LiteRtTensorBuffer in = input->buffer(), out = output->buffer();
    check(LiteRtRunCompiledModel(compiled.get(), signature, 1, &in, 1, &out), "decode");
  }

  Owned<LiteRtEnvironment> environment{nullptr, LiteRtDestroyEnvironment};
  Owned<LiteRtModel> model{nullptr, LiteRtDestroyModel};
  Owned<LiteRtOptions> options{nullptr, LiteRtDestroyOptions};
  Owned<LiteRtCompiledModel> compiled{nullptr, LiteRtDestroyCompiledModel};
  LiteRtParamIndex signature = 0;
  std::unique_ptr<Port> input, output;
};

Decoder::Decoder(const std::string& folder, const std::string& file) {
  const Json facts = Json::parse(read_file(folder + "/decoder.json"));
  if (facts["format"].number() != 1 || facts["noise_version"].number() != 1) {
    throw std::runtime_error("decoder.json: want format 1 and noise_version 1; take the runner of its own tfvae.");
  }
  mean_ = facts["prior"]["mean"].numbers();
  scale_tril_ = facts["prior"]["scale_tril"].numbers();
  for (const double extent : facts["event_shape"].numbers()) event_size_ *= static_cast<size_t>(extent);
  scaling_kind_ = facts["scaling"]["kind"].text();
  integer_ = facts["scaling"]["integer"].truth();
  offset_ = facts["scaling"]["offset"].numbers();
  factor_ = facts["scaling"]["factor"].numbers();
  // LiteRT follows the offsets of a file that was cut short out of its memory.
  if (static_cast<double>(read_file(folder + "/" + file).size()) != facts["files"][file]["bytes"].number()) {
    throw std::runtime_error(file + ": not the file of decoder.json, which has another size; copy the two together.");
  }
  compiled_ = std::make_unique<Compiled>(folder + "/" + file);
  const size_t batch = compiled_->input->batch();
  if (compiled_->input->size() != batch * latent_dim() || compiled_->output->size() != batch * event_size_) {
    throw std::runtime_error(file + ": its shapes are not those of decoder.json; copy the two together.");
  }
}

Decoder::~Decoder() = default;

std::vector<float> Decoder::prior_sample(size_t n, uint64_t seed) const {
  const size_t latent = latent_dim();
  const std::vector<float> eps = normals({seed, kPriorPurpose}, n, latent);
  std::vector<float> z(n * latent);
  for (size_t example = 0; example < n; ++example) {
    const double* row = scale_tril_.data();
    for (size_t i = 0; i < latent; ++i) {
      double sum = mean_[i];
      for (size_t j = 0; j <= i; ++j) sum += row[j] * static_cast<double>(eps[example * latent + j]);
      z[example * latent + i] = static_cast<float>(sum);
      row += i + 1;
    }
  }
  return z;
}

std::vector<float> Decoder::decode(const std::vector<float>& z) {
  if (z.size() % latent_dim() != 0) throw std::runtime_error("z: want rows of latent_dim numbers.");
  const size_t n = z.size() / latent_dim(), batch = compiled_->input->batch();
  std::vector<float> given(compiled_->input->size()), made(compiled_->output->size()), means(n * event_size_);
  for (size_t begin = 0; begin < n; begin += batch) {
    // A last batch keeps rows of the one before behind its own.
    const size_t rows = std::min(batch, n - begin);
    std::copy_n(z.begin() + begin * latent_dim(), rows * latent_dim(), given.begin());
    compiled_->input->write(given.data());
    compiled_->run();
    compiled_->output->read(made.data());
    std::copy_n(made.begin(), rows * event_size_, means.begin() + begin * event_size_);
  }
  return means;
}

std::vector<double> Decoder::user_units(const std::vector<float>& means) const {
  std::vector<double> x(means.begin(), means.end());
  for (size_t i = 0; i < x.size(); ++i) {
    const double factor = factor_[i % factor_.size()], offset = offset_[i % offset_.size()];
    if (scaling_kind_ != "none") x[i] = x[i] * factor + offset;
    // nearbyint rounds halves to even, as NumPy does.
    if (integer_) x[i] = std::clamp(std::nearbyint(x[i]), 0.0, scaling_kind_ == "unit" ? factor : 255.0);
  }
  return x;
}

}  // namespace tfvae::edge
