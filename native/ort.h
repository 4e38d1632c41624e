/*
 * The part of ONNX Runtime's C interface that operators need. Functions stand at fixed places of a table to which versions only append
 * (onnxruntime_c_api.h), and so do the members of OrtCustomOp.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtCustomOp OrtCustomOp;

typedef const void *const *OrtApi;

typedef struct {
  OrtApi (*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

enum { ORT_FLOAT = 1, ORT_UINT8 = 2, ORT_INT8 = 3, ORT_INT32 = 6 };
enum { ORT_REQUIRED = 0, ORT_OPTIONAL = 1 };
enum { ORT_INVALID_ARGUMENT = 2 };

#define ORT_CREATE_STATUS ((OrtStatus * (*)(int, const char *)) ort[0])
#define ORT_CREATE_DOMAIN ((OrtStatus * (*)(const char *, OrtCustomOpDomain **)) ort[26])
#define ORT_DOMAIN_ADD ((OrtStatus * (*)(OrtCustomOpDomain *, const OrtCustomOp *)) ort[27])
#define ORT_ADD_DOMAIN ((OrtStatus * (*)(OrtSessionOptions *, OrtCustomOpDomain *)) ort[28])
#define ORT_TENSOR_DATA ((OrtStatus * (*)(OrtValue *, void **)) ort[51])
#define ORT_RANK ((OrtStatus * (*)(const OrtTensorTypeAndShapeInfo *, size_t *)) ort[61])
#define ORT_DIMS ((OrtStatus * (*)(const OrtTensorTypeAndShapeInfo *, int64_t *, size_t)) ort[62])
#define ORT_TYPE_AND_SHAPE ((OrtStatus * (*)(const OrtValue *, OrtTensorTypeAndShapeInfo **)) ort[65])
#define ORT_ATTRIBUTE_FLOAT ((OrtStatus * (*)(const OrtKernelInfo *, const char *, float *)) ort[85])
#define ORT_ATTRIBUTE_INT ((OrtStatus * (*)(const OrtKernelInfo *, const char *, int64_t *)) ort[86])
#define ORT_INPUT ((OrtStatus * (*)(const OrtKernelContext *, size_t, const OrtValue **)) ort[90])
#define ORT_OUTPUT ((OrtStatus * (*)(OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **)) ort[91])
#define ORT_RELEASE_SHAPE ((void (*)(OrtTensorTypeAndShapeInfo *)) ort[99])
#define ORT_PARALLEL_FOR \
  ((OrtStatus * (*)(const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *)) ort[274])

struct OrtCustomOp {
  uint32_t version;
  void *(*CreateKernel)(const OrtCustomOp *, OrtApi, const OrtKernelInfo *);
  const char *(*GetName)(const OrtCustomOp *);
  const char *(*GetExecutionProviderType)(const OrtCustomOp *);
  int (*GetInputType)(const OrtCustomOp *, size_t);
  size_t (*GetInputTypeCount)(const OrtCustomOp *);
  int (*GetOutputType)(const OrtCustomOp *, size_t);
  size_t (*GetOutputTypeCount)(const OrtCustomOp *);
  void (*KernelCompute)(void *, OrtKernelContext *);
  void (*KernelDestroy)(void *);
  int (*GetInputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetInputMemoryType)(const OrtCustomOp *, size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp *);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
  OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, OrtApi, const OrtKernelInfo *, void **);
  OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
};
