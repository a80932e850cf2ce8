// Uses each class of the C++ interface.
#include <feedforward.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace feedforward;

static_assert(std::is_nothrow_move_constructible_v<network>);
static_assert(std::is_nothrow_move_assignable_v<predictor>);
static_assert(!std::is_copy_constructible_v<network>);
static_assert(!std::is_copy_assignable_v<quantized>);

static void require(bool condition, int line)
{
    if (!condition) {
        std::fprintf(stderr, "line %d: failed\n", line);
        std::exit(1);
    }
}
#define REQUIRE(condition) require(condition, __LINE__)

// Returns the status of the error that a function throws.
template <class Function> ff_status thrown(Function function)
{
    try {
        function();
    } catch (const error &failure) {
        std::printf("%s\n", failure.what());
        return failure.status();
    }
    return FF_OK;
}

int main()
{
    const std::array<float, 8> inputs{0, 0, 0, 1, 1, 0, 1, 1};
    const std::vector<float> targets{0, 1, 1, 0};
    network net(2, {{8, "tanh"}, {1, "identity"}}, 1);
    ff_train_options options = train_options();
    options.epochs = 500;
    options.learning_rate = 0.02;
    int epochs = 0;
    const ff_train_result result = net.train(inputs, targets, options, [&](const ff_epoch &epoch) {
        epochs++;
        return epoch.loss < 1e-6;
    });
    REQUIRE(epochs == static_cast<int>(result.epochs) && result.loss < 1e-3);
    const std::vector<float> expected = net.predict(inputs);
    REQUIRE(std::fabs(expected[1] - 1) < 0.1F && std::fabs(expected[3]) < 0.1F);

    // Exceptions of the function reach the caller.
    bool is_caught = false;
    try {
        net.copy().train(inputs, targets, options,
                         [](const ff_epoch &) -> bool { throw std::runtime_error("stop"); });
    } catch (const std::runtime_error &failure) {
        is_caught = std::string(failure.what()) == "stop";
    }
    REQUIRE(is_caught);

    // One network, several threads.
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back([&net, &inputs, &expected] {
            predictor mine(net, 4);
            std::array<float, 4> outputs{};
            for (int k = 0; k < 100; k++) {
                mine.predict(inputs, outputs);
                REQUIRE(std::equal(outputs.begin(), outputs.end(), expected.begin()));
            }
        });
    for (std::thread &thread : threads)
        thread.join();

    const std::vector<std::uint8_t> bytes = net.to_bytes(), onnx = net.to_onnx();
    REQUIRE(network::from_bytes(bytes.data(), bytes.size()).predict(inputs) == expected);
    REQUIRE(network::from_onnx(onnx.data(), onnx.size()).predict(inputs) == expected);
    net.save("wrapper.safetensors");
    REQUIRE(network::load("wrapper.safetensors").weights() == net.weights());
    net.save_onnx("wrapper.onnx");
    REQUIRE(network::load_onnx("wrapper.onnx").predict(inputs) == expected);
    REQUIRE(net.to_c("net").find("net_predict") != std::string::npos);

    quantized small = net.quantize(inputs);
    small.save("wrapper8.safetensors");
    const std::vector<std::uint8_t> small_bytes = small.to_bytes();
    small = quantized::from_bytes(small_bytes.data(), small_bytes.size());
    predictor integer(quantized::load("wrapper8.safetensors"), 4);
    std::vector<float> outputs(4);
    integer.predict(inputs, outputs);
    REQUIRE(std::fabs(outputs[1] - expected[1]) < 0.1F);
    REQUIRE(small.inputs() == 2 && small.outputs() == 1);
    REQUIRE(small.to_c("net").find("net_predict") != std::string::npos);

    std::vector<float> data{10, 20, 30};
    const scaling columns = scaling::standard(data, 1);
    columns.apply(data);
    REQUIRE(std::fabs(data[1]) < 1e-6F);
    network copy = net.copy();
    copy.fold_outputs(columns.offsets, columns.scales);
    copy.fold_inputs(std::vector<float>{1, 1}, std::vector<float>{2, 2});
    network moved = std::move(copy);
    moved.set_weights(std::vector<float>(moved.weights().size(), 0.0F));
    REQUIRE(moved.predict(inputs)[0] == 0);

    REQUIRE(thrown([] { network::load("no/such/file"); }) == FF_IO);
    REQUIRE(thrown([] { network(2, {{1, "magic"}}); }) == FF_UNKNOWN_NAME);
    REQUIRE(thrown([&] { net.predict(std::vector<float>(3)); }) == FF_WRONG_LENGTH);
    REQUIRE(thrown([&] { moved = std::move(net); net.to_bytes(); }) == FF_NULL_ARGUMENT);
    REQUIRE(predictor(moved).try_predict(inputs, outputs) == FF_WRONG_LENGTH);
    std::puts("all classes work");
    return 0;
}
