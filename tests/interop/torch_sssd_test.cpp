#include "longwave/interop/torch_sssd.hpp"

#include "check.hpp"
#include "files.hpp"
#include "longwave/models/diffwave.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

SssdOptions small() {
  return {.num_res_layers = 1,
          .res_channels = 3,
          .skip_channels = 2,
          .diffusion_step_embed_dim_in = 4,
          .diffusion_step_embed_dim_mid = 5,
          .diffusion_step_embed_dim_out = 6,
          .s4_lmax = 8,
          .s4_d_state = 4};
}

template <class Net>
Net make(std::uint64_t seed) {
  Generator gen(seed);
  Net net(small(), gen);
  init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 1);
  return net;
}

template <class Net>
Tensor<float, 3> output(Net& net, index_t L) {
  const auto x = random<float>(Extents<3>{2, 1, L}, 5);
  const Tensor<index_t, 1> steps(2);
  Tape<float> tape;
  Tensor<float, 3> y(x.sizes());
  copy(y.view(), net(tape, tape.input(x), tape.input(x), tape.input(x), steps.view()).value());
  return y;
}

}  // namespace

TEST_CASE("torch_sssd: the official state dict and back") {
  const TemporaryFolder folder;
  const std::string path = folder / "sssd.safetensors";
  auto net = make<Sssd<float>>(1), other = make<Sssd<float>>(2);
  const auto longer = output(net, 13);  // doubles the length of C~ to 16
  save_sssd(path, net);
  const SafetensorsFile file(path);
  const std::string kernel = "residual_layer.residual_blocks.0.S41.s4_layer.kernel.kernel.";
  CHECK(file.shape(kernel + "omega") == std::vector<index_t>{9, 2});
  CHECK(file.shape(kernel + "z") == std::vector<index_t>{9, 2});
  CHECK(file.values<double>(kernel + "omega")[8] == Approx(0).margin(1e-7));  // k = 4 of 16: -i
  CHECK(file.values<double>(kernel + "omega")[9] == Approx(-1));
  CHECK(file.values<double>(kernel + "z")[9] == Approx(2));
  CHECK_FALSE(file.contains(kernel + "l_kernel"));
  CHECK(file.shape("residual_layer.residual_blocks.0.S41.s4_layer.output_linear.bias") == std::vector<index_t>{6, 1});
  CHECK(file.shape("residual_layer.residual_blocks.0.S41.s4_layer.D") == std::vector<index_t>{1, 6});
  CHECK(file.shape("init_conv.0.conv.weight_g") == std::vector<index_t>{3, 1, 1});
  load_torch(torch_names::from_sssd(torch_names::state_dict(file)), other);
  CHECK(relative_error(output(other, 13), longer) == 0);
  CHECK(other.residual_layer.blocks[0]->S42.s4_layer.kernel.length() == 16);
}

TEST_CASE("torch_sssd: DiffWave has nothing to convert") {
  const TemporaryFolder folder;
  const std::string path = folder / "diffwave.safetensors";
  auto net = make<DiffWave<float>>(1), other = make<DiffWave<float>>(2);
  save_sssd(path, net);
  const SafetensorsFile file(path);
  load_torch(torch_names::from_sssd(torch_names::state_dict(file)), other);
  CHECK(relative_error(output(other, 9), output(net, 9)) == 0);
}

TEST_CASE("torch_sssd: what is missing is an error, and nothing is loaded") {
  const TemporaryFolder folder;
  const std::string path = folder / "sssd.safetensors";
  auto net = make<Sssd<float>>(1), other = make<Sssd<float>>(2);
  save_sssd(path, net);
  const auto before = output(other, 8);
  const SafetensorsFile file(path);
  const std::string kernel = "residual_layer.residual_blocks.0.S41.s4_layer.kernel.kernel.";
  for (const std::string& name :
       {kernel + "omega", kernel + "Q", kernel + "C", std::string("final_conv.2.conv.bias")}) {
    StateDict dict = torch_names::state_dict(file);
    dict.entries.erase(name);
    const std::string missing = name == kernel + "omega" ? kernel + "l_kernel" : name;
    const std::string text = error_text<IoError>([&] { load_torch(torch_names::from_sssd(dict), other); });
    INFO(text);
    CHECK(text.find("missing: " + missing) != std::string::npos);
  }
  StateDict dict = torch_names::state_dict(file);
  dict.entries[kernel + "omega"].shape = {9};
  CHECK(error_text<IoError>([&] { torch_names::from_sssd(dict); }).find("expected (L/2 + 1, 2)") != std::string::npos);
  dict = torch_names::state_dict(file);
  dict.entries.erase(kernel + "z");  // it is recomputed
  CHECK(relative_error(output(other, 8), before) == 0);
  load_torch(torch_names::from_sssd(dict), other);
  CHECK(relative_error(output(other, 8), output(net, 8)) == 0);
}
