// The part of LiteRT's C API, version 2.3.0, that decoder.cc uses, as its documentation describes it, because the
// ai-edge-litert wheel has libLiteRt.so but no headers. If you have LiteRT's headers, include them instead of this file:
// litert/c/litert_{common,environment,model,options,compiled_model,tensor_buffer}.h.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using LiteRtStatus = int;  // 0: success
using LiteRtParamIndex = size_t;

using LiteRtEnvironment = struct LiteRtEnvironmentT*;
using LiteRtModel = struct LiteRtModelT*;
using LiteRtSignature = struct LiteRtSignatureT*;
using LiteRtTensor = struct LiteRtTensorT*;
using LiteRtOptions = struct LiteRtOptionsT*;
using LiteRtCompiledModel = struct LiteRtCompiledModelT*;
using LiteRtTensorBuffer = struct LiteRtTensorBufferT*;
using LiteRtTensorBufferRequirements = struct LiteRtTensorBufferRequirementsT*;

enum LiteRtElementType : int { kLiteRtElementTypeFloat32 = 1, kLiteRtElementTypeInt8 = 9 };
enum LiteRtTensorBufferLockMode : int { kLiteRtTensorBufferLockModeRead = 0, kLiteRtTensorBufferLockModeWrite = 1 };
constexpr int kLiteRtHwAcceleratorCpu = 1;

struct LiteRtLayout {
  unsigned int rank : 7;
  bool has_strides : 1;
  int32_t dimensions[8];
  uint32_t strides[8];
};

struct LiteRtRankedTensorType {
  LiteRtElementType element_type;
  LiteRtLayout layout;
};
static_assert(sizeof(LiteRtRankedTensorType) == 72, "the size in LiteRT's ABI");

struct LiteRtQuantizationPerTensor {
  float scale;
  int64_t zero_point;
};

LiteRtStatus LiteRtCreateEnvironment(int num_options, const void* options, LiteRtEnvironment*);
void LiteRtDestroyEnvironment(LiteRtEnvironment);

LiteRtStatus LiteRtCreateModelFromFile(LiteRtEnvironment, const char* path, LiteRtModel*);
void LiteRtDestroyModel(LiteRtModel);
LiteRtStatus LiteRtGetNumModelSignatures(LiteRtModel, LiteRtParamIndex* count);
LiteRtStatus LiteRtGetModelSignature(LiteRtModel, LiteRtParamIndex, LiteRtSignature*);
LiteRtStatus LiteRtGetSignatureKey(LiteRtSignature, const char** key);
LiteRtStatus LiteRtGetNumSignatureInputs(LiteRtSignature, LiteRtParamIndex* count);
LiteRtStatus LiteRtGetSignatureInputName(LiteRtSignature, LiteRtParamIndex, const char** name);
LiteRtStatus LiteRtGetSignatureInputTensorByIndex(LiteRtSignature, LiteRtParamIndex, LiteRtTensor*);
LiteRtStatus LiteRtGetSignatureOutputTensorByIndex(LiteRtSignature, LiteRtParamIndex, LiteRtTensor*);
LiteRtStatus LiteRtGetRankedTensorType(LiteRtTensor, LiteRtRankedTensorType*);
LiteRtStatus LiteRtGetPerTensorQuantization(LiteRtTensor, LiteRtQuantizationPerTensor*);

LiteRtStatus LiteRtCreateOptions(LiteRtOptions*);
LiteRtStatus LiteRtSetOptionsHardwareAccelerators(LiteRtOptions, int accelerators);
void LiteRtDestroyOptions(LiteRtOptions);

LiteRtStatus LiteRtCreateCompiledModel(LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel*);
void LiteRtDestroyCompiledModel(LiteRtCompiledModel);
LiteRtStatus LiteRtGetCompiledModelInputBufferRequirements(LiteRtCompiledModel, LiteRtParamIndex signature,
                                                           LiteRtParamIndex input, LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtGetCompiledModelOutputBufferRequirements(LiteRtCompiledModel, LiteRtParamIndex signature,
                                                            LiteRtParamIndex output, LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtRunCompiledModel(LiteRtCompiledModel, LiteRtParamIndex signature, size_t num_inputs,
                                    LiteRtTensorBuffer* inputs, size_t num_outputs, LiteRtTensorBuffer* outputs);

LiteRtStatus LiteRtCreateManagedTensorBufferFromRequirements(LiteRtEnvironment, const LiteRtRankedTensorType*,
                                                             LiteRtTensorBufferRequirements, LiteRtTensorBuffer*);
LiteRtStatus LiteRtLockTensorBuffer(LiteRtTensorBuffer, void** memory, LiteRtTensorBufferLockMode);
LiteRtStatus LiteRtUnlockTensorBuffer(LiteRtTensorBuffer);
void LiteRtDestroyTensorBuffer(LiteRtTensorBuffer);

}  // extern "C"
