#include "longwave/cuda/graph.hpp"

#include "kernels/launch.cuh"
#include "launch/capture.cuh"

namespace longwave::cuda {

namespace {

__global__ void advance_kernel(Advance* to, Advance value) { *to = value; }

cudaGraphExec_t executable_of(void* p) { return static_cast<cudaGraphExec_t>(p); }

// The whole device may not be waited for while another thread captures.
cudaError_t wait_for_device() {
  const std::shared_lock lock(capture_mutex());
  return cudaDeviceSynchronize();
}

[[noreturn]] void throw_not_captured(const std::string& why) {
  throw DeviceError("cuda::Graph",
                    "the step cannot be captured: " + why +
                        ". A captured step may not wait for the device, copy to the host or allocate; move such calls "
                        "out of it, or let it run as written (GraphOptions::eager)",
                    "graph.cu", __LINE__);
}

// Ends the capture on every way out, without an exception of its own.
struct Capturing {
  cudaStream_t stream;
  cudaGraph_t graph = nullptr;
  bool open = true;

  explicit Capturing(cudaStream_t s) : stream(s) {
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  cudaError_t end() {
    open = false;
    return cudaStreamEndCapture(stream, &graph);
  }
  ~Capturing() {
    if (open) (void)end();
    if (graph != nullptr) (void)cudaGraphDestroy(graph);
    (void)cudaGetLastError();
  }
};

}  // namespace

Graph::Graph(GraphOptions options) : options_(options) {
  if (options.warm_up < 0)
    throw_value_error("cuda::Graph: warm_up is " + std::to_string(options.warm_up) + ", expected 0 or more");
  stream_.advance();
}

Graph::~Graph() {
  if (executable_ == nullptr) return;
  const UseStream use(stream_);
  (void)wait_for_device();  // a replay that still runs
  (void)cudaGraphExecDestroy(executable_of(executable_));
}

void Graph::reset() {
  if (executable_ != nullptr) {
    const UseStream use(stream_);
    const cudaError_t status = wait_for_device();
    (void)cudaGraphExecDestroy(executable_of(executable_));
    executable_ = nullptr;
    check(status, "cudaDeviceSynchronize");
    Memory<Cuda>::zero(stream_.advance(), sizeof(Advance));  // what runs as written adds nothing
  }
  warm_ = 0;
}

void Graph::run_step(Call step) {
  if (executable_ == nullptr) {
    if (options_.eager || warm_ < options_.warm_up) {
      run_eagerly(step);
      ++warm_;
      return;
    }
    capture(step);
  }
  replay();
}

// On the graph's own stream, whose working memory a replay will use, between what the current stream has done so far
// and what it does next.
void Graph::run_eagerly(Call step) {
  before_.record();
  {
    const UseStream use(stream_);
    before_.wait();
    step.call(step.object);
    after_.record();
  }
  after_.wait();
}

void Graph::capture(Call step) {
  for (Counter& counter : counters_) counter.captured = counter.get(counter.object);
  const auto restore = [this] {
    for (Counter& counter : counters_) counter.set(counter.object, counter.captured);
  };
  cudaGraphExec_t executable = nullptr;
  try {
    const UseStream use(stream_);
    const CaptureScope scope;
    Capturing capturing(stream_handle());
    step.call(step.object);
    const cudaError_t status = capturing.end();
    if (status != cudaSuccess) throw_not_captured(cudaGetErrorString(status));
    check(cudaGraphInstantiate(&executable, capturing.graph, 0), "cudaGraphInstantiate");
  } catch (const DeviceError& error) {
    restore();
    if (error.call == "cuda::Graph") throw;
    throw_not_captured(error.what());
  } catch (...) {
    restore();
    throw;
  }
  const Counter* first[3] = {};
  for (Counter& counter : counters_) {
    counter.each = counter.get(counter.object) - counter.captured;
    const Counter*& same = first[static_cast<int>(counter.kind)];
    if (same == nullptr) same = &counter;
    if (counter.kind != Kind::other && counter.each != same->each) {
      restore();
      (void)cudaGraphExecDestroy(executable);
      throw_value_error("cuda::Graph: the generators or the optimisers of a step move at different rates (" +
                        std::to_string(same->each) + " and " + std::to_string(counter.each) +
                        " for each step); use one of each");
    }
  }
  restore();
  executable_ = executable;
}

Advance Graph::advance_now() const {
  Advance advance = {0, 0};
  const Counter* first[3] = {};
  for (const Counter& counter : counters_) {
    const auto passed = [](const Counter& c) { return static_cast<std::uint32_t>(c.get(c.object) - c.captured); };
    const Counter*& same = first[static_cast<int>(counter.kind)];
    if (same == nullptr) same = &counter;
    if (counter.kind != Kind::other && passed(counter) != passed(*same))
      throw_value_error(
          "cuda::Graph: one of the generators or optimisers was moved on its own since the capture; "
          "reset() the graph");
    if (counter.kind == Kind::draws) advance.draws = passed(counter);
    if (counter.kind == Kind::steps) advance.steps = passed(counter);
  }
  return advance;
}

// On the current stream: CUDA itself keeps two replays of one graph apart, and the kernel before them, which is not
// part of the graph, needs the order of a stream. So a graph is replayed on one stream at a time.
void Graph::replay() {
  advance_kernel<<<1, 1, 0, stream_handle()>>>(stream_.advance(), advance_now());
  check_launch("advance");
  check(cudaGraphLaunch(executable_of(executable_), stream_handle()), "cudaGraphLaunch");
  for (Counter& counter : counters_) counter.set(counter.object, counter.get(counter.object) + counter.each);
  ++replays_;
}

}  // namespace longwave::cuda
