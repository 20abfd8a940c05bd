#include "decoder.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <type_traits>

#include "json.h"
#include "litert_c_api.h"
#include "noise.h"

namespace tfvae::edge {
namespace {

void check(LiteRtStatus status, const std::string& what) {
  if (status != 0) throw std::runtime_error(what + ": LiteRT returned status " + std::to_string(status) + ".");
}

// A handle of LiteRT with its destructor.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, void (*)(Handle)>;

template <class Handle, class Create>
Owned<Handle> owned(void (*destroy)(Handle), const std::string& what, Create create) {
  Handle handle = nullptr;
  check(create(&handle), what);
  return {handle, destroy};
}

// An input or output of the signature, as floats; int8 is converted by its scale and zero point.
class Port {
 public:
  Port(LiteRtEnvironment environment, LiteRtTensor tensor, LiteRtTensorBufferRequirements requirements) {
    check(LiteRtGetRankedTensorType(tensor, &type_), "tensor");
    if (type_.element_type == kLiteRtElementTypeInt8) {
      check(LiteRtGetPerTensorQuantization(tensor, &quantization_), "quantization");
    } else if (type_.element_type != kLiteRtElementTypeFloat32) {
      throw std::runtime_error("got a tensor of another type, expected float32 or int8.");
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

LiteRtParamIndex find_signature(LiteRtModel model, const std::string& name, LiteRtSignature* signature) {
  LiteRtParamIndex count = 0;
  check(LiteRtGetNumModelSignatures(model, &count), "signatures");
  for (LiteRtParamIndex index = 0; index < count; ++index) {
    const char* key = nullptr;
    check(LiteRtGetModelSignature(model, index, signature), "signature");
    check(LiteRtGetSignatureKey(*signature, &key), "signature");
    if (name == key) return index;
  }
  throw std::runtime_error("the file has no signature " + name + ".");
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read.");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A signature with a fixed batch size, its inputs by name and its first output.
struct Signature {
  Signature(LiteRtEnvironment environment, LiteRtModel model, LiteRtCompiledModel compiled, const std::string& name)
      : compiled_(compiled), name_(name) {
    LiteRtSignature found = nullptr;
    index_ = find_signature(model, name, &found);
    LiteRtParamIndex count = 0;
    check(LiteRtGetNumSignatureInputs(found, &count), name);
    for (LiteRtParamIndex i = 0; i < count; ++i) {
      const char* input = nullptr;
      LiteRtTensor tensor = nullptr;
      LiteRtTensorBufferRequirements requirements = nullptr;
      check(LiteRtGetSignatureInputName(found, i, &input), name);
      check(LiteRtGetSignatureInputTensorByIndex(found, i, &tensor), name);
      check(LiteRtGetCompiledModelInputBufferRequirements(compiled, index_, i, &requirements), name);
      names_.emplace_back(input);
      inputs_.push_back(std::make_unique<Port>(environment, tensor, requirements));
    }
    LiteRtTensor tensor = nullptr;
    LiteRtTensorBufferRequirements requirements = nullptr;
    check(LiteRtGetSignatureOutputTensorByIndex(found, 0, &tensor), name);
    check(LiteRtGetCompiledModelOutputBufferRequirements(compiled, index_, 0, &requirements), name);
    output_ = std::make_unique<Port>(environment, tensor, requirements);
  }

  // Whether the input exists and has `width` numbers per example.
  bool has(const std::string& name, size_t width) const {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at == names_.end()) return false;
    const Port& port = *inputs_[static_cast<size_t>(at - names_.begin())];
    return port.size() == port.batch() * width;
  }
  // Whether the output has `width` numbers per example.
  bool gives(size_t width) const { return output_->size() == output_->batch() * width; }

  // n rows of the output, for n rows of each input.
  Rows run(const std::map<std::string, const Rows*>& values, size_t n) {
    const size_t batch = output_->batch(), width = output_->size() / batch;
    Rows block(output_->size()), out(n * width);
    std::vector<LiteRtTensorBuffer> buffers;
    std::vector<Rows> blocks;
    for (const auto& port : inputs_) {
      buffers.push_back(port->buffer());
      blocks.emplace_back(port->size());
    }
    for (size_t begin = 0; begin < n; begin += batch) {
      // The last batch may be short; rows of the batch before then fill the rest.
      const size_t rows = std::min(batch, n - begin);
      for (size_t i = 0; i < inputs_.size(); ++i) {
        const auto found = values.find(names_[i]);
        if (found == values.end() || found->second->size() != n * inputs_[i]->size() / batch) {
          throw std::runtime_error(name_ + ": needs a row of " + names_[i] + " for each example.");
        }
        const size_t row_size = inputs_[i]->size() / batch;
        std::copy_n(found->second->begin() + begin * row_size, rows * row_size, blocks[i].begin());
        inputs_[i]->write(blocks[i].data());
      }
      LiteRtTensorBuffer output = output_->buffer();
      check(LiteRtRunCompiledModel(compiled_, index_, buffers.size(), buffers.data(), 1, &output), name_);
      output_->read(block.data());
      std::copy_n(block.begin(), rows * width, out.begin() + begin * width);
    }
    return out;
  }

 private:
  LiteRtCompiledModel compiled_;
  std::string name_;
  LiteRtParamIndex index_ = 0;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Port>> inputs_;
  std::unique_ptr<Port> output_;
};

size_t product(const Json& shape) {
  const std::vector<double> extents = shape.numbers();
  return std::accumulate(extents.begin(), extents.end(), size_t{1},
                         [](size_t size, double extent) { return size * static_cast<size_t>(extent); });
}

}  // namespace

// The compiled file with the signatures used. Members are destroyed from the last to the first.
struct Decoder::Compiled {
  explicit Compiled(const std::string& path) {
    environment = owned<LiteRtEnvironment>(
        LiteRtDestroyEnvironment, "environment",
        [](LiteRtEnvironment* handle) { return LiteRtCreateEnvironment(0, nullptr, handle); });
    model = owned<LiteRtModel>(LiteRtDestroyModel, path, [&](LiteRtModel* handle) {
      return LiteRtCreateModelFromFile(environment.get(), path.c_str(), handle);
    });
    options = owned<LiteRtOptions>(LiteRtDestroyOptions, "options", LiteRtCreateOptions);
    check(LiteRtSetOptionsHardwareAccelerators(options.get(), kLiteRtHwAcceleratorCpu), "options");
    compiled = owned<LiteRtCompiledModel>(LiteRtDestroyCompiledModel, path, [&](LiteRtCompiledModel* handle) {
      return LiteRtCreateCompiledModel(environment.get(), model.get(), options.get(), handle);
    });
    decode = signature("decode");
  }

  std::unique_ptr<Signature> signature(const std::string& name) const {
    return std::make_unique<Signature>(environment.get(), model.get(), compiled.get(), name);
  }

  Owned<LiteRtEnvironment> environment{nullptr, LiteRtDestroyEnvironment};
  Owned<LiteRtModel> model{nullptr, LiteRtDestroyModel};
  Owned<LiteRtOptions> options{nullptr, LiteRtDestroyOptions};
  Owned<LiteRtCompiledModel> compiled{nullptr, LiteRtDestroyCompiledModel};
  std::unique_ptr<Signature> decode, prior;
};

Decoder::Decoder(const std::string& folder, const std::string& file) {
  const Json description = Json::parse(read_file(folder + "/decoder.json"));
  if (description["format"].number() != 1 || description["noise_version"].number() != 1) {
    throw std::runtime_error(
        "decoder.json: expected format 1 and noise_version 1; use the runner of its tfvae.");
  }
  latent_size_ = static_cast<size_t>(description["latent_dim"].number());
  event_size_ = product(description["event_shape"]);
  if (description.has("condition") && description["condition"].text() != "null") {
    labels_ = description["condition"]["kind"].text() == "label";
    for (const Json& name : description["condition"]["names"].items()) names_.push_back(name.text());
  }
  scaling_ = std::make_unique<Scaling>(description["scaling"]);
  const Json& prior = description["prior"];
  const bool drawn = prior.text() != "null";
  const bool by_signature = drawn && prior["kind"].text() == "signature";
  noise_size_ = by_signature ? product(prior["noise_shape"]) : latent_size_;
  if (drawn && !by_signature) prior_ = std::make_unique<Prior>(prior);
  // In a truncated file LiteRT would follow offsets beyond the end of its memory.
  if (static_cast<double>(read_file(folder + "/" + file).size()) != description["files"][file]["bytes"].number()) {
    throw std::runtime_error(file + ": its size differs from that in decoder.json; copy both from one version.");
  }
  compiled_ = std::make_unique<Compiled>(folder + "/" + file);
  if (by_signature) compiled_->prior = compiled_->signature("prior");
  if (!compiled_->decode->has("z", latent_size_) || !compiled_->decode->gives(event_size_)) {
    throw std::runtime_error(file + ": its shapes differ from those in decoder.json; copy both from one version.");
  }
}

Decoder::~Decoder() = default;

Rows Decoder::condition(const std::string& text, size_t n) const {
  if (names_.empty() != text.empty()) {
    throw std::runtime_error(text.empty() ? "the model is conditioned on y; pass a label or a file of rows."
                                          : "the model is not conditional; leave y out.");
  }
  const size_t width = names_.size();
  Rows rows(n * width);
  if (text.empty()) return rows;
  const auto named = std::find(names_.begin(), names_.end(), text);
  size_t label = static_cast<size_t>(named - names_.begin());
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (labels_ && named == names_.end() && digits) label = std::strtoull(text.c_str(), nullptr, 10);
  if (labels_ && label < width) {
    for (size_t i = 0; i < n; ++i) rows[i * width + label] = 1.0f;
    return rows;
  }
  if (labels_ && digits) {
    throw std::runtime_error("y: got " + text + ", expected a label below " + std::to_string(width) + ".");
  }
  const std::string bytes = read_file(text);
  Rows read(bytes.size() / sizeof(float));
  std::memcpy(read.data(), bytes.data(), read.size() * sizeof(float));
  if (read.size() != width && read.size() != rows.size()) {
    throw std::runtime_error(text + ": expected " + std::to_string(width) +
                             " float32 numbers, or as many for each example.");
  }
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = read[i % read.size()];
  return rows;
}

Rows Decoder::prior_sample(size_t n, uint64_t seed, const Rows& y) {
  if (!prior_ && !compiled_->prior) throw std::runtime_error("decoder.json: its prior cannot be drawn from noise.");
  const Rows eps = normals({seed, kPriorPurpose}, n, noise_size_);
  return prior_ ? prior_->from_noise(eps) : compiled_->prior->run({{"eps", &eps}, {"y", &y}}, n);
}

Rows Decoder::decode(const Rows& z, const Rows& y) {
  if (z.size() % latent_size_ != 0) throw std::runtime_error("z: expected rows of latent_dim numbers.");
  return compiled_->decode->run({{"z", &z}, {"y", &y}}, z.size() / latent_size_);
}

}  // namespace tfvae::edge
