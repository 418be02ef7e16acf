#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

// Streams, events and graphs of the harness.
namespace simt {
namespace {

__global__ void add_kernel(int* data, int amount) { data[threadIdx.x] += amount; }

class Capture : public testing::Test {
 protected:
  Capture() {
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMalloc(&data, kCount * sizeof(int));
    std::memset(data, 0, kCount * sizeof(int));
  }
  ~Capture() override {
    cudaFree(data);
    cudaStreamDestroy(stream);
    cudaGetLastError();
  }
  cudaError_t add(int amount, cudaStream_t where) {
    cudaLaunchConfig_t config{};
    config.gridDim = 1;
    config.blockDim = kCount;
    config.stream = where;
    return cudaLaunchKernelEx(&config, add_kernel, data, amount);
  }
  /// Clear, add 3, add 4, and a copy of the first half over the second.
  void enqueue_all() {
    ASSERT_EQ(cudaMemsetAsync(data, 0, kCount * sizeof(int), stream), cudaSuccess);
    for (int amount : {3, 4}) ASSERT_EQ(add(amount, stream), cudaSuccess);
    ASSERT_EQ(cudaMemcpyAsync(data + 4, data, 4 * sizeof(int), cudaMemcpyDeviceToDevice, stream), cudaSuccess);
    ASSERT_EQ(enqueue_host(stream, [this] { data[0] *= 2; }), cudaSuccess);
  }
  std::vector<int> values() const { return {data, data + kCount}; }

  static constexpr int kCount = 8;
  cudaStream_t stream = nullptr;
  int* data = nullptr;
};

TEST_F(Capture, AReplayDoesWhatTheCallsDid) {
  enqueue_all();
  const std::vector<int> eager = values();
  EXPECT_EQ(eager, (std::vector<int>{14, 7, 7, 7, 7, 7, 7, 7}));
  std::memset(data, 1, kCount * sizeof(int));
  const std::vector<int> before = values();
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  enqueue_all();
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(values(), before) << "nothing runs while it is captured";
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph), cudaSuccess);
  ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  for (int replay = 0; replay < 3; ++replay) {
    std::memset(data, replay, kCount * sizeof(int));
    ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
    EXPECT_EQ(values(), eager);
  }
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
}

TEST_F(Capture, AnIllegalCallMakesItInvalid) {
  const auto illegal = [&](auto&& call) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    ASSERT_EQ(add(1, stream), cudaSuccess);
    EXPECT_EQ(call(), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(add(1, stream), cudaErrorStreamCaptureInvalidated);
    cudaStreamCaptureStatus status{};
    cudaStreamIsCapturing(stream, &status);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
  };
  void* block = nullptr;
  illegal([&] { return cudaMalloc(&block, 16); });
  illegal([&] { return cudaFree(data); });
  illegal([&] { return cudaMallocHost(&block, 16); });
  illegal([&] { return cudaStreamSynchronize(stream); });
  illegal([&] { return cudaDeviceSynchronize(); });
  illegal([&] { return cudaMemcpy(data, data + 1, 4, cudaMemcpyDeviceToDevice); });
  EXPECT_EQ(add(1, stream), cudaSuccess);
  EXPECT_EQ(values(), std::vector<int>(kCount, 1));
}

TEST_F(Capture, AStreamThatWaitsForItsEventTakesPart) {
  cudaStream_t other = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
  cudaStreamCreate(&other);
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming);
  cudaEventCreateWithFlags(&join, cudaEventDisableTiming);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other, fork), cudaSuccess);
  ASSERT_EQ(add(5, other), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(join, other), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(stream, join), cudaSuccess);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(values(), std::vector<int>(kCount, 0));
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(values(), std::vector<int>(kCount, 5));
  ASSERT_EQ(add(1, other), cudaSuccess);
  EXPECT_EQ(values(), std::vector<int>(kCount, 6)) << "the other stream is free again";
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other, fork), cudaSuccess);
  ASSERT_EQ(add(5, other), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnjoined);
  for (cudaEvent_t event : {fork, join}) cudaEventDestroy(event);
  cudaStreamDestroy(other);
}

}  // namespace
}  // namespace simt
