// The C++17 interface of feedforward: classes that own the handles of feedforward.h.
//
// Objects can be moved and not copied. Errors are exceptions of the type feedforward::error.
#ifndef FEEDFORWARD_HPP
#define FEEDFORWARD_HPP

#include "feedforward.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace feedforward {

// An error of the library, with its status and its text.
class error : public std::runtime_error {
public:
    error(ff_status status, const std::string &text) : std::runtime_error(text), status_(status) {}

    ff_status status() const noexcept { return status_; }

private:
    ff_status status_;
};

// Throws unless the library has the interface of the header.
inline void check_abi()
{
    if (ff_abi_version() != FF_ABI_VERSION)
        throw error(FF_INVALID_ARGUMENT, "feedforward.h is not the header of this library");
}

// Throws the last error unless a status is FF_OK.
inline void check(ff_status status)
{
    if (status == FF_OK)
        return;
    std::string text(2048, '\0');
    const std::size_t len = ff_last_error(&text[0], text.size());
    text.resize(len < text.size() ? len : text.size() - 1);
    throw error(status, text);
}

// Numbers to read: a pointer and a length, an array, or a container such as std::vector.
struct floats {
    const float *data;
    std::size_t len;

    floats(const float *numbers, std::size_t count) noexcept : data(numbers), len(count) {}

    template <class Container, class = decltype(std::data(std::declval<const Container &>()))>
    floats(const Container &numbers) noexcept : data(std::data(numbers)), len(std::size(numbers))
    {
    }
};

// Numbers to write.
struct floats_mut {
    float *data;
    std::size_t len;

    floats_mut(float *numbers, std::size_t count) noexcept : data(numbers), len(count) {}

    template <class Container, class = decltype(std::data(std::declval<Container &>()))>
    floats_mut(Container &&numbers) noexcept : data(std::data(numbers)), len(std::size(numbers))
    {
    }
};

namespace detail {

struct deleter {
    void operator()(ff_bytes *handle) const noexcept { ff_bytes_free(handle); }
    void operator()(ff_network *handle) const noexcept { ff_network_free(handle); }
    void operator()(ff_predictor *handle) const noexcept { ff_predictor_free(handle); }
    void operator()(ff_quantized *handle) const noexcept { ff_quantized_free(handle); }
};

template <class Handle> using owner = std::unique_ptr<Handle, deleter>;

// Calls a function that writes a handle to its last argument.
template <class Handle, class Function, class... Arguments>
owner<Handle> make(Function function, Arguments... arguments)
{
    check_abi();
    Handle *handle = nullptr;
    check(function(arguments..., &handle));
    return owner<Handle>(handle);
}

// Default options, by the function that sets them.
template <class Options> Options defaults(ff_status (*function)(Options *, std::size_t))
{
    check_abi();
    Options options;
    check(function(&options, sizeof options));
    return options;
}

inline std::string text_of(const owner<ff_bytes> &bytes)
{
    const char *data = reinterpret_cast<const char *>(ff_bytes_data(bytes.get()));
    return std::string(data, ff_bytes_len(bytes.get()));
}

inline std::vector<std::uint8_t> bytes_of(const owner<ff_bytes> &bytes)
{
    const std::uint8_t *data = ff_bytes_data(bytes.get());
    return std::vector<std::uint8_t>(data, data + ff_bytes_len(bytes.get()));
}

} // namespace detail

// Default options.
inline ff_train_options train_options() { return detail::defaults(ff_train_options_default); }
inline ff_onnx_options onnx_options() { return detail::defaults(ff_onnx_options_default); }
inline ff_quantize_options quantize_options()
{
    return detail::defaults(ff_quantize_options_default);
}

// A network in integers.
class quantized {
public:
    static quantized load(const std::string &path)
    {
        return quantized(detail::make<ff_quantized>(ff_quantized_load, path.c_str()));
    }

    static quantized from_bytes(const std::uint8_t *data, std::size_t len)
    {
        return quantized(detail::make<ff_quantized>(ff_quantized_from_bytes, data, len));
    }

    explicit quantized(detail::owner<ff_quantized> handle) : handle_(std::move(handle)) {}

    ff_quantized *get() const noexcept { return handle_.get(); }
    std::size_t inputs() const noexcept { return ff_quantized_inputs(get()); }
    std::size_t outputs() const noexcept { return ff_quantized_outputs(get()); }

    void save(const std::string &path) const { check(ff_quantized_save(get(), path.c_str())); }

    std::vector<std::uint8_t> to_bytes() const
    {
        return detail::bytes_of(detail::make<ff_bytes>(ff_quantized_to_bytes, get()));
    }

    // Returns a C header that needs no library.
    std::string to_c(const std::string &name) const
    {
        return detail::text_of(detail::make<ff_bytes>(ff_quantized_to_c, get(), name.c_str()));
    }

private:
    detail::owner<ff_quantized> handle_;
};

// A layer of a new network.
struct layer {
    std::size_t neurons;
    std::string activation;
};

// A network. Any number of threads may call its functions at once.
class network {
public:
    // Makes a network. The last layer is the output.
    network(std::size_t inputs, const std::vector<layer> &layers, std::uint64_t seed = 0)
    {
        std::vector<ff_layer> list;
        for (const layer &one : layers)
            list.push_back({one.neurons, one.activation.c_str()});
        handle_ = detail::make<ff_network>(ff_network_new, inputs, list.data(), list.size(), seed);
    }

    static network load(const std::string &path)
    {
        return network(detail::make<ff_network>(ff_network_load, path.c_str()));
    }

    static network from_bytes(const std::uint8_t *data, std::size_t len)
    {
        return network(detail::make<ff_network>(ff_network_from_bytes, data, len));
    }

    static network load_onnx(const std::string &path,
                             const ff_onnx_options &options = onnx_options())
    {
        return network(detail::make<ff_network>(ff_network_load_onnx, path.c_str(), &options));
    }

    static network from_onnx(const std::uint8_t *data, std::size_t len,
                             const ff_onnx_options &options = onnx_options())
    {
        return network(detail::make<ff_network>(ff_network_from_onnx, data, len, &options));
    }

    explicit network(detail::owner<ff_network> handle) : handle_(std::move(handle)) {}

    ff_network *get() const noexcept { return handle_.get(); }
    network copy() const { return network(detail::make<ff_network>(ff_network_copy, get())); }
    std::size_t inputs() const noexcept { return ff_network_inputs(get()); }
    std::size_t outputs() const noexcept { return ff_network_outputs(get()); }

    std::vector<float> weights() const
    {
        std::vector<float> weights(ff_network_weight_count(get()));
        check(ff_network_weights(get(), weights.data(), weights.size()));
        return weights;
    }

    void set_weights(floats weights)
    {
        check(ff_network_set_weights(get(), weights.data, weights.len));
    }

    // Trains. The function is called after each epoch, and returns true to stop. Its exceptions
    // end the training, and reach the caller.
    ff_train_result train(floats inputs, floats targets,
                          const ff_train_options &options = train_options(),
                          std::function<bool(const ff_epoch &)> after_epoch = nullptr)
    {
        struct state {
            std::function<bool(const ff_epoch &)> function;
            std::exception_ptr thrown;
        } now{std::move(after_epoch), nullptr};
        const ff_epoch_callback call = [](const ff_epoch *epoch, void *user) -> std::int32_t {
            state &self = *static_cast<state *>(user);
            try {
                return self.function(*epoch) ? 1 : 0;
            } catch (...) {
                self.thrown = std::current_exception();
                return 1;
            }
        };
        ff_train_result result{};
        result.size = sizeof result;
        const ff_status status =
            ff_network_train(get(), &options, inputs.data, inputs.len, targets.data, targets.len,
                             now.function ? call : nullptr, &now, &result);
        if (now.thrown)
            std::rethrow_exception(now.thrown);
        check(status);
        return result;
    }

    // Predicts samples. A predictor does it without allocation.
    std::vector<float> predict(floats inputs) const
    {
        const std::size_t width = this->inputs();
        std::vector<float> outputs(width == 0 ? 0 : inputs.len / width * this->outputs());
        check(ff_network_predict(get(), inputs.data, inputs.len, outputs.data(), outputs.size()));
        return outputs;
    }

    void save(const std::string &path) const { check(ff_network_save(get(), path.c_str())); }

    std::vector<std::uint8_t> to_bytes() const
    {
        return detail::bytes_of(detail::make<ff_bytes>(ff_network_to_bytes, get()));
    }

    void save_onnx(const std::string &path) const
    {
        check(ff_network_save_onnx(get(), path.c_str()));
    }

    std::vector<std::uint8_t> to_onnx() const
    {
        return detail::bytes_of(detail::make<ff_bytes>(ff_network_to_onnx, get()));
    }

    // Returns a C header that needs no library.
    std::string to_c(const std::string &name) const
    {
        return detail::text_of(detail::make<ff_bytes>(ff_network_to_c, get(), name.c_str()));
    }

    // Quantizes the network, with rows of inputs like those that it will see.
    quantized quantize(floats samples, const ff_quantize_options &options = quantize_options()) const
    {
        return quantized(detail::make<ff_quantized>(ff_network_quantize, get(), &options,
                                                    samples.data, samples.len));
    }

    // Puts the scaling of inputs or of targets into the network.
    void fold_inputs(floats offsets, floats scales)
    {
        check_widths(offsets, scales);
        check(ff_network_fold_inputs(get(), offsets.data, scales.data, scales.len));
    }

    void fold_outputs(floats offsets, floats scales)
    {
        check_widths(offsets, scales);
        check(ff_network_fold_outputs(get(), offsets.data, scales.data, scales.len));
    }

private:
    static void check_widths(floats offsets, floats scales)
    {
        if (offsets.len != scales.len)
            throw error(FF_WRONG_LENGTH, "offsets and scales: expected one for each column");
    }

    detail::owner<ff_network> handle_;
};

// Offset and scale of each column of some data.
struct scaling {
    std::vector<float> offsets, scales;

    // Computes the mean and the standard deviation of each column.
    static scaling standard(floats data, std::size_t width)
    {
        scaling columns{std::vector<float>(width), std::vector<float>(width)};
        check_abi();
        check(ff_standardize(data.data, data.len, width, columns.offsets.data(),
                             columns.scales.data()));
        return columns;
    }

    // Replaces each value by (value - offset) / scale.
    void apply(floats_mut data) const
    {
        check(ff_scale(data.data, data.len, offsets.size(), offsets.data(), scales.data()));
    }
};

// A network with memory to predict. Only one thread may use it at a time.
class predictor {
public:
    // Makes a predictor of up to this many samples at once.
    explicit predictor(const network &net, std::size_t rows = 1)
        : handle_(detail::make<ff_predictor>(ff_predictor_new, net.get(), rows))
    {
    }

    explicit predictor(const quantized &net, std::size_t rows = 1)
        : handle_(detail::make<ff_predictor>(ff_predictor_new_quantized, net.get(), rows))
    {
    }

    ff_predictor *get() const noexcept { return handle_.get(); }

    // Predicts, and allocates nothing. Returns a status instead of throwing, for real-time threads.
    ff_status try_predict(floats inputs, floats_mut outputs) noexcept
    {
        return ff_predict(get(), inputs.data, inputs.len, outputs.data, outputs.len);
    }

    // Predicts, and allocates nothing unless it throws.
    void predict(floats inputs, floats_mut outputs) { check(try_predict(inputs, outputs)); }

private:
    detail::owner<ff_predictor> handle_;
};

} // namespace feedforward

#endif // FEEDFORWARD_HPP
