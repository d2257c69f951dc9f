// focuser_on.hpp - the focuser of one device.
#pragma once

#include "sar_focus/focuser.hpp"

namespace longwave::examples::sar_focus {

template <device D>
class FocuserOn final : public Focuser {
 public:
  explicit FocuserOn(const TrainedNetwork& trained) : network_(trained.network<D>()) { tape_.set_recording(false); }

  void run(TensorView<float, 3> y, TensorView<const float, 3> x) override {
    tape_.rewind();
    if constexpr (std::is_same_v<D, Host>) {
      copy(y, (*network_)(tape_, tape_.input(x)).value());
    } else {
      if (x_.sizes() != x.sizes()) x_ = Tensor<float, 3, D>(x.sizes());
      cuda::copy(x_.view(), x);
      cuda::copy(y, (*network_)(tape_, tape_.input(x_)).value());
    }
  }

 private:
  std::unique_ptr<Network<D>> network_;
  Tape<float, D> tape_;
  Tensor<float, 3, D> x_;
};

}  // namespace longwave::examples::sar_focus
