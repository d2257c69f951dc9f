// aside.hpp - work that the next steps of a stream need not wait for, on streams beside it: what only adds to
// parameters' gradients, what depends on parameters alone. In a captured graph these become branches, which run at the
// same time as far as the device has room.
//
//   const cuda::Ticket done = cuda::current_stream().aside().run(lane, [&] { .. });   // after all work so far
//   ..                                                                                // beside it
//   cuda::current_stream().aside().wait(done);
//
// Runs of one lane follow one another. Working memory is the lane's own: what run() reads may not be working memory of
// the current stream, and stays as it is until it was waited for. join() before the current stream's work counts as
// done, in a capture before its end. Random numbers of both follow one count (Stream::advance). Defined in
// longwave::cuda.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "longwave/cuda/event.hpp"

namespace longwave::cuda {

using Ticket = std::int64_t;  // 0: nothing to wait for

// Whether work goes aside in the whole program, as at the start. Off: in order, on the stream itself.
void set_aside(bool on) noexcept;
bool goes_aside() noexcept;

class Aside {
 public:
  static constexpr int lanes = 3;

  explicit Aside(Stream& beside);
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  template <class F>
  Ticket run(int lane, F&& f) {
    if (!goes_aside()) {
      f();
      return 0;
    }
    fork_.record();
    const UseStream use(lanes_[lane]);
    fork_.wait();
    f();
    return finished(lane);
  }

  void wait(Ticket ticket) const;  // the current stream, that of a lane too, goes on after it
  void join();                     // the same for all that was started

  int lane_of(Ticket ticket) const { return lane_of_[static_cast<std::size_t>(ticket - joined_ - 1)]; }
  bool pending(Ticket ticket) const { return ticket > joined_; }

 private:
  Ticket finished(int lane);

  Stream lanes_[lanes];
  Event fork_;
  std::vector<std::unique_ptr<Event>> done_;  // of tickets joined_ + 1, ..; kept for the next round
  std::vector<int> lane_of_;                  // of those in use
  Ticket joined_ = 0, last_[lanes] = {};
};

}  // namespace longwave::cuda
