#include "longwave/cuda/stream.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "kernels/launch.cuh"
#include "longwave/cuda/aside.hpp"

namespace longwave::cuda {

namespace {

thread_local Stream* current = nullptr;  // nullptr: the thread's own
thread_local int device_in_use = 0;
std::atomic<bool> work_goes_aside{true};

cudaStream_t stream_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle()); }
cudaEvent_t event_of(const Event& event) { return static_cast<cudaEvent_t>(event.handle()); }

}  // namespace

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

int current_device() noexcept { return device_in_use; }

void set_device(int index) {
  const int count = device_count();
  if (index < 0 || index >= count)
    throw DeviceError("cuda::set_device",
                      "there is no device " + std::to_string(index) + ": " +
                          (count == 0   ? "this machine has no CUDA device or no driver"
                           : count == 1 ? "the only one is number 0"
                                        : std::to_string(count) + " devices are numbered from 0"),
                      "stream.cu", __LINE__);
  check(cudaSetDevice(index), "cudaSetDevice");
  device_in_use = index;
}

DeviceInfo device_info(int index) {
  cudaDeviceProp properties = {};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return {properties.name, properties.major, properties.minor, properties.multiProcessorCount,
          properties.totalGlobalMem};
}

Stream::Stream() : device_(current_device()), owned_(true) {
  cudaStream_t handle = nullptr;
  check(cudaStreamCreate(&handle), "cudaStreamCreate");
  handle_ = handle;
}

Stream::~Stream() {
  delete aside_;
  if (advance_ != nullptr) Memory<Cuda>::release(advance_);
  if (owned_) (void)cudaStreamDestroy(stream_of(*this));
}

void Stream::synchronize() {
  const cudaError_t status = cudaStreamSynchronize(stream_of(*this));
  const bool of_earlier_work = status == cudaErrorIllegalAddress || status == cudaErrorLaunchFailure ||
                               status == cudaErrorMisalignedAddress || status == cudaErrorAssert;
  if (of_earlier_work)
    throw DeviceError("cudaStreamSynchronize",
                      std::string(cudaGetErrorString(status)) +
                          ", in a kernel that was queued earlier; with CUDA_LAUNCH_BLOCKING=1 in the environment the "
                          "error names it",
                      "stream.cu", __LINE__);
  check(status, "cudaStreamSynchronize");
}

Advance* Stream::advance() {
  if (beside_ != nullptr) return beside_->advance();
  if (advance_ == nullptr) {
    void* p = Memory<Cuda>::allocate(sizeof(Advance));
    check(cudaMemsetAsync(p, 0, sizeof(Advance), stream_of(*this)), "cudaMemsetAsync");
    advance_ = static_cast<Advance*>(p);
  }
  return advance_;
}

Aside& Stream::aside() {
  if (aside_ == nullptr) aside_ = new Aside(*this);
  return *aside_;
}

Stream& current_stream() {
  if (current != nullptr) return *current;
  thread_local std::vector<std::unique_ptr<Stream>> own;  // by device
  const auto device = static_cast<std::size_t>(device_in_use);
  if (device >= own.size()) own.resize(device + 1);
  if (own[device] == nullptr) own[device].reset(new Stream(static_cast<void*>(cudaStreamPerThread), device_in_use));
  return *own[device];
}

UseStream::UseStream(Stream& stream) : before_(current), device_before_(device_in_use) {
  if (stream.device() != device_in_use) set_device(stream.device());
  current = &stream;
}

UseStream::~UseStream() {
  current = before_;
  if (device_before_ == device_in_use) return;
  (void)cudaSetDevice(device_before_);
  device_in_use = device_before_;
}

Event::Event() {
  cudaEvent_t handle = nullptr;
  check(cudaEventCreate(&handle), "cudaEventCreate");
  handle_ = handle;
}

Event::~Event() { (void)cudaEventDestroy(event_of(*this)); }

void Event::record() { check(cudaEventRecord(event_of(*this), stream_handle()), "cudaEventRecord"); }

void Event::wait() const { check(cudaStreamWaitEvent(stream_handle(), event_of(*this)), "cudaStreamWaitEvent"); }

void Event::synchronize() const { check(cudaEventSynchronize(event_of(*this)), "cudaEventSynchronize"); }

bool Event::happened() const {
  const cudaError_t status = cudaEventQuery(event_of(*this));
  if (status == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  check(status, "cudaEventQuery");
  return true;
}

void set_aside(bool on) noexcept { work_goes_aside = on; }
bool goes_aside() noexcept { return work_goes_aside; }

Aside::Aside(Stream& beside) {
  for (Stream& lane : lanes_) lane.beside_ = &beside;
}

Ticket Aside::finished(int lane) {
  if (lane_of_.size() == done_.size()) done_.push_back(std::make_unique<Event>());
  done_[lane_of_.size()]->record();
  lane_of_.push_back(lane);
  last_[lane] = joined_ + static_cast<Ticket>(lane_of_.size());
  return last_[lane];
}

void Aside::wait(Ticket ticket) const {
  if (pending(ticket)) done_[static_cast<std::size_t>(ticket - joined_ - 1)]->wait();
}

void Aside::join() {
  for (const Ticket last : last_) wait(last);
  joined_ += static_cast<Ticket>(lane_of_.size());
  lane_of_.clear();
}

double milliseconds(const Event& from, const Event& to) {
  float ms = 0;
  to.synchronize();
  check(cudaEventElapsedTime(&ms, event_of(from), event_of(to)), "cudaEventElapsedTime");
  return static_cast<double>(ms);
}

}  // namespace longwave::cuda
