// beside.hpp - which gradients are written or read beside the rest of a backward pass (cuda/aside.hpp), by address, so
// that whoever touches one next waits for it. On the host everything happens in order, and nothing is noted.
//
//   tape.beside().run(Lane::products, [&] {          // nothing that follows needs it at once
//     tape.beside().only_reads(y.grad().data());
//     ops::Conv1d::backward<T, D>({}, tape.grad_to_add(W), tape.grad_to_add(bias), y.grad(), x, W.value());
//   });
//
// What f reads otherwise must be values, or gradients that are complete, on the tape (no working memory of the
// outside).
//
// Gradients are known by their first element: views that begin elsewhere in the same memory are not seen as the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "longwave/core/device.hpp"
#include "longwave/cuda/aside.hpp"

namespace longwave {

enum class Lane { products, kernels, sums };  // what has an order of its own

// Whether work on a gradient of so many numbers leaves room on the device for other work. What fills it alone gains
// nothing beside it, and done in order it shares passes with the rest of its op.
constexpr bool leaves_room(index_t count) { return count <= index_t(1) << 22; }

template <device D>
class Beside {
 public:
  template <class F>
  cuda::Ticket run(Lane, F&& f) {
    f();
    return 0;
  }
  template <class F>
  void follow(const void*, F&& f) {
    f();
  }
  void set_open(bool) {}
  bool open() const { return false; }
  void wait(cuda::Ticket) {}
  bool in_use(const void*) const { return false; }
  void reads(const void*) {}
  void writes(const void*) {}
  void only_reads(const void*) {}
  void join() {}
  void forget() {}
};

template <>
class Beside<Cuda> {
 public:
  // Inside of another run, f is a part of that.
  template <class F>
  cuda::Ticket run(Lane lane, F&& f) {
    if (inside_ || !cuda::goes_aside()) {
      f();
      return 0;
    }
    const std::size_t first = notes_.size();
    inside_ = true;
    lane_ = static_cast<int>(lane);
    started_ = true;
    cuda::Ticket ticket = 0;
    try {
      ticket = aside().run(lane_, f);
    } catch (...) {
      inside_ = false;
      throw;
    }
    inside_ = false;
    for (std::size_t i = first; i < notes_.size(); ++i) notes_[i].ticket = ticket;
    return ticket;
  }

  // In the lane that writes this gradient, or else here.
  template <class F>
  void follow(const void* gradient, F&& f) {
    const cuda::Ticket ticket = written(gradient);
    if (ticket != 0)
      run(static_cast<Lane>(aside().lane_of(ticket)), f);
    else
      f();
  }

  // While open, ops may leave results of a forward pass to others in the lane of products: whoever opens it joins it.
  void set_open(bool on) { open_ = on && cuda::goes_aside(); }
  bool open() const { return open_; }

  void wait(cuda::Ticket ticket) {
    if (ticket != 0) aside().wait(ticket);
  }

  // Whether a lane may be reading or writing this gradient.
  bool in_use(const void* gradient) const {
    return std::any_of(notes_.begin(), notes_.end(), [=](const Note& note) { return note.gradient == gradient; });
  }
  // Before the current stream reads or writes a gradient. Of a run's own: noted for those that come later.
  void reads(const void* gradient) { wait_for(gradient, true); }
  void writes(const void* gradient) {
    wait_for(gradient, false);
    if (inside_) notes_.push_back({gradient, 0, lane_, true});
  }
  void only_reads(const void* gradient) {
    reads(gradient);
    if (inside_) notes_.push_back({gradient, 0, lane_, false});
  }

  // At the end of a pass: the current stream goes on after all of it.
  void join() {
    if (started_) aside().join();
    started_ = false;
    forget();
  }
  // What a pass that ended in an error has noted.
  void forget() {
    open_ = false;
    notes_.clear();
  }

 private:
  struct Note {
    const void* gradient;
    cuda::Ticket ticket;  // 0: of the run that goes on
    int lane;
    bool written;
  };

  static cuda::Aside& aside() { return cuda::current_stream().aside(); }

  // The last of each lane is enough; the lane of this run has an order of its own.
  void wait_for(const void* gradient, bool written) {
    cuda::Ticket newest[cuda::Aside::lanes] = {};
    for (const Note& note : notes_)
      if (note.gradient == gradient && (note.written || !written) && !(inside_ && note.lane == lane_))
        newest[note.lane] = std::max(newest[note.lane], note.ticket);
    for (const cuda::Ticket ticket : newest)
      if (ticket != 0) outer().wait(ticket);
  }
  // Tickets are those of the stream that the pass runs on, inside of a run as well.
  cuda::Aside& outer() { return inside_ ? cuda::current_stream().beside()->aside() : aside(); }

  cuda::Ticket written(const void* gradient) const {
    for (std::size_t i = notes_.size(); i-- > 0;)
      if (notes_[i].gradient == gradient && notes_[i].written) return notes_[i].ticket;
    return 0;
  }

  std::vector<Note> notes_;
  int lane_ = 0;
  bool inside_ = false, started_ = false, open_ = false;
};

}  // namespace longwave
