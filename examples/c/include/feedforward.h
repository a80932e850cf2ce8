// The C interface of feedforward. docs/c.md is its guide. cbindgen writes it from examples/c/src.
//
// - A function returns FF_OK, or a status. ff_last_error then has a text. Results are written only
//   if it returns FF_OK.
// - Handles come from this library, and each is freed once. All functions take NULL, and return an
//   error or do nothing.
// - The length of an array is its number of values. The array must have them. The library keeps no
//   pointer to arrays and texts.
// - Texts are in UTF-8 and end with NUL. Paths are in the encoding of the system, and on Windows in
//   UTF-8.

#ifndef FEEDFORWARD_H
#define FEEDFORWARD_H

#include <stddef.h>
#include <stdint.h>

// Version of the interface in this header. It changes only if programs must be compiled again.
#define FF_ABI_VERSION 1

// All epochs are done.
#define FF_STOPPED_BY_EPOCHS 0

// The validation loss has not improved for `patience` epochs.
#define FF_STOPPED_BY_PATIENCE 1

// The callback has stopped training.
#define FF_STOPPED_BY_CALLBACK 2

// Another rule has stopped training.
#define FF_STOPPED_BY_OTHER 3

// Bytes or a text that the library has allocated. `ff_bytes_free` frees them.
typedef struct ff_bytes ff_bytes;

// A network. Any number of threads may call functions with it at once, but for
// `ff_network_free`.
typedef struct ff_network ff_network;

// A network with memory to predict. Only one thread may use it at a time.
typedef struct ff_predictor ff_predictor;

// A network in integers. Any number of threads may call functions with it at once, but for
// `ff_quantized_free`.
typedef struct ff_quantized ff_quantized;

// Result of a function: `FF_OK`, or the kind of an error. Later versions may add kinds.
typedef int32_t ff_status;

// A layer of a new network. Later versions do not add fields.
typedef struct {
    // Number of neurons.
    size_t neurons;
    // Name of the activation, such as `"relu"`, `"tanh"`, `"identity"` or `"leaky_relu(0.1)"`.
    const char *activation;
} ff_layer;

// Options of a training run. `ff_train_options_default` sets all of them.
typedef struct {
    // Size of this struct.
    uint32_t size;
    // Maximum number of epochs. Default: 200.
    uint32_t epochs;
    // Seed of shuffles, dropout and validation samples. Default: 0.
    uint64_t seed;
    // Name of the loss: `"squared_error"`, `"mean_squared_error"`, `"mean_absolute_error"`,
    // `"huber"`, `"binary_cross_entropy"` (on logits), `"softmax_cross_entropy"` (on logits) or
    // `"poisson"`. Default: `"squared_error"`.
    const char *loss;
    // Name of the optimizer: `"adam"`, `"adamw"`, `"sgd"`, `"nadam"`, `"rmsprop"`, `"adagrad"`,
    // `"adadelta"`, `"adamax"`, `"rprop"` or `"muon"`. Default: `"adam"`.
    const char *optimizer;
    // Name of the schedule of the learning rate: `"constant"`, `"linear"` or `"cosine"`. Default:
    // `"constant"`.
    const char *schedule;
    // Learning rate. 0 is the default of the optimizer, which is 0.001 for Adam.
    double learning_rate;
    // Momentum of `"sgd"`. Range: [0, 1]. Other optimizers accept 0 only. Default: 0.
    double momentum;
    // Decay of weights by `"adamw"`. Range: at least 0. Other optimizers accept 0 and the default
    // only. Default: 0.01.
    double weight_decay;
    // Penalty on squared weights. Default: 0.
    double l2;
    // Probability with which a hidden output is dropped. Range: [0, 1). Default: 0.
    double dropout;
    // Maximum norm of the gradient. 0, the default, is none.
    double clip_norm;
    // Number of samples in a minibatch. 0, the default, is 200, or all samples if there are fewer.
    size_t batch_size;
    // Number of threads. 0, the default, is one for each core.
    size_t threads;
    // Fraction of the samples that are held out, to measure the loss on them. Range: [0, 1).
    // Default: 0.
    double validation_fraction;
    // Number of epochs without a better validation loss after which training stops. It then
    // restores the best weights. 0, the default, is no such stop.
    size_t patience;
    // Decrease of the validation loss that counts as better. Default: 0.
    double improvement;
} ff_train_options;

// Results of an epoch, for a callback.
typedef struct {
    // Size of this struct.
    uint32_t size;
    // Number of the epoch, counted from 1.
    uint32_t number;
    // Mean loss of the training samples.
    double loss;
    // Mean loss of the validation samples. It is NaN if there are none.
    double validation_loss;
    // Learning rate.
    double learning_rate;
} ff_epoch;

// A function that is called after each epoch. It returns 0 to continue, and else training stops.
//
// The network that is trained has the weights of that moment. It may be used but not freed, for
// example to save it. The function may run on another thread than the one that trains, which waits
// for it. It must not throw exceptions or jump out.
typedef int32_t (*ff_epoch_callback)(const ff_epoch *epoch, void *user);

// Results of a training run. Set `size` to `sizeof(ff_train_result)` before training.
typedef struct {
    // Size of this struct.
    uint32_t size;
    // Reason of the end, such as `FF_STOPPED_BY_EPOCHS`.
    int32_t stopped_by;
    // Number of epochs.
    size_t epochs;
    // Number of the epoch whose weights the network has.
    size_t best_epoch;
    // Loss of the last epoch.
    double loss;
    // Minimum validation loss. It is NaN without validation samples.
    double best_validation_loss;
} ff_train_result;

// Options to read a model in ONNX. `ff_onnx_options_default` sets all of them.
typedef struct {
    // Size of this struct.
    uint32_t size;
    // Not 0 to accept a classifier, or a regressor with a link. Outputs are then the numbers
    // before softmax, sigmoid or the link. Default: 0.
    uint32_t logits;
    // Name of the output to read, for a model of several. Default: NULL.
    const char *output;
} ff_onnx_options;

// Options of a quantization. `ff_quantize_options_default` sets all of them.
typedef struct {
    // Size of this struct.
    uint32_t size;
    // Number of bits of a weight. Range: 2 to 8. Default: 8.
    uint32_t weight_bits;
    // Number of bits of an input and of a hidden layer's output: 8 or 16. Default: 8.
    uint32_t activation_bits;
    // Not 0 to round weights so that their errors cancel each other. Default: 0.
    uint32_t compensate_weights;
} ff_quantize_options;

// The function succeeded. Only then has it written its results.
#define FF_OK 0

// A pointer is NULL that must not be.
#define FF_NULL_ARGUMENT 1

// An array has the wrong length, or sizes do not fit each other.
#define FF_WRONG_LENGTH 2

// An argument or an option is outside its range, or does not go with another.
#define FF_INVALID_ARGUMENT 3

// A number in the data is outside its range.
#define FF_INVALID_VALUE 4

// The data have NaN or an infinity.
#define FF_NOT_FINITE 5

// No activation, loss, optimizer, schedule or output has this name.
#define FF_UNKNOWN_NAME 6

// A size is above a limit, or there is not enough memory.
#define FF_TOO_LARGE 7

// The bytes of a file do not have the expected format.
#define FF_BAD_FORMAT 8

// A file could not be read or written.
#define FF_IO 9

// An output is not finite, although all inputs and weights are.
#define FF_OVERFLOW 10

// Training produced numbers that are not finite. The network has the best weights so far.
#define FF_DIVERGED 11

// The library has a defect. It is still safe to call it.
#define FF_PANIC 12

// Another error, which `ff_last_error` describes.
#define FF_OTHER 13

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the version of the library's interface. It must be equal to `FF_ABI_VERSION`.
uint32_t ff_abi_version(void);

// Returns a short description of a status. It is a constant, in English.
const char *ff_status_text(ff_status status);

// Writes the text of the last error on the calling thread, with a NUL, into a buffer of `len`
// bytes. A text that is too long is cut off. Returns the length of the whole text, without NUL.
//
// A function that succeeds leaves the text as it is.
size_t ff_last_error(char *buffer, size_t len);

// Returns the bytes, which are valid until they are freed. A NUL follows the last one, so that a
// text can be printed. Returns NULL for NULL.
const uint8_t *ff_bytes_data(const ff_bytes *bytes);

// Returns the number of bytes, without the NUL. Returns 0 for NULL.
size_t ff_bytes_len(const ff_bytes *bytes);

// Frees bytes. Does nothing for NULL.
void ff_bytes_free(ff_bytes *bytes);

// Makes a network with these layers, the last of which is the output. The seed fixes the initial
// weights.
//
// An unknown activation is `FF_UNKNOWN_NAME`, and `ff_last_error` lists all names.
ff_status ff_network_new(size_t inputs,
                         const ff_layer *layers,
                         size_t layer_count,
                         uint64_t seed,
                         ff_network **network);

// Makes a copy of a network, which changes independently.
ff_status ff_network_copy(const ff_network *network, ff_network **copy);

// Frees a network. Does nothing for NULL. Its predictors stay valid.
void ff_network_free(ff_network *network);

// Returns the number of inputs, or 0 for NULL.
size_t ff_network_inputs(const ff_network *network);

// Returns the number of outputs, or 0 for NULL.
size_t ff_network_outputs(const ff_network *network);

// Returns the number of weights and biases, or 0 for NULL.
size_t ff_network_weight_count(const ff_network *network);

// Copies all weights and biases to an array of `ff_network_weight_count` values. They are in order
// of layers. Each layer has its weights, neuron by neuron, and then its biases.
ff_status ff_network_weights(const ff_network *network, float *weights, size_t weights_len);

// Replaces all weights and biases. They must be finite, and in the order of `ff_network_weights`.
//
// Predictors keep the weights that they were made with.
ff_status ff_network_set_weights(ff_network *network, const float *weights, size_t weights_len);

// Predicts one or more samples. `inputs` has one row for each sample, and `outputs` has one row of
// results for each.
//
// Many samples are predicted on all cores. Each call allocates. `ff_predict` does not.
ff_status ff_network_predict(const ff_network *network,
                             const float *inputs,
                             size_t inputs_len,
                             float *outputs,
                             size_t outputs_len);

// Sets all options to their defaults. `size` is `sizeof(ff_train_options)`.
ff_status ff_train_options_default(ff_train_options *options, size_t size);

// Trains a network. `inputs` and `targets` have one row for each sample, and the lengths are those
// of the whole arrays.
//
// `options`, `callback` and `result` may be NULL. `user` is passed to the callback. If training
// diverges or the callback stops it, the network has the weights so far. After other errors it is
// unchanged.
ff_status ff_network_train(ff_network *network,
                           const ff_train_options *options,
                           const float *inputs,
                           size_t inputs_len,
                           const float *targets,
                           size_t targets_len,
                           ff_epoch_callback callback,
                           void *user,
                           ff_train_result *result);

// Makes a predictor with the present weights of a network. It predicts up to `rows` samples at
// once.
//
// All memory is allocated here. Each thread needs a predictor of its own, and one that is made
// here can be used on another thread.
ff_status ff_predictor_new(const ff_network *network, size_t rows, ff_predictor **predictor);

// Makes a predictor of a quantized network, as `ff_predictor_new` does.
ff_status ff_predictor_new_quantized(const ff_quantized *quantized,
                                     size_t rows,
                                     ff_predictor **predictor);

// Frees a predictor. Does nothing for NULL.
void ff_predictor_free(ff_predictor *predictor);

// Predicts one or more samples. `inputs` has one row for each sample, and `outputs` has one row of
// results for each. Both may be the same array.
//
// This function allocates nothing, takes no lock and calls no system function, also if an argument
// is wrong. There are two exceptions. A result that is not finite (`FF_OVERFLOW`) allocates while
// the layer is searched, and so does a quantized network with an encoding in front.
ff_status ff_predict(ff_predictor *predictor,
                     const float *inputs,
                     size_t inputs_len,
                     float *outputs,
                     size_t outputs_len);

// Saves a network as a safetensors file. A crash leaves the old file or the new one.
ff_status ff_network_save(const ff_network *network, const char *path);

// Loads a network from a file of `ff_network_save`. The file is not trusted.
ff_status ff_network_load(const char *path, ff_network **network);

// Writes a network to bytes, as `ff_network_save` writes it to a file.
ff_status ff_network_to_bytes(const ff_network *network, ff_bytes **bytes);

// Reads a network from bytes, which are not trusted.
ff_status ff_network_from_bytes(const uint8_t *data, size_t data_len, ff_network **network);

// Sets all options to their defaults. `size` is `sizeof(ff_onnx_options)`.
ff_status ff_onnx_options_default(ff_onnx_options *options, size_t size);

// Loads a network from an ONNX file. `options` may be NULL.
//
// A scaler of the inputs becomes a part of the first layer. Where the mean of an input is more
// than 32 times its deviation, this costs digits. Export the network behind its scaler then.
//
// The model must be one chain of layers. A model of another shape is `FF_BAD_FORMAT`, and
// `ff_last_error` names the node.
ff_status ff_network_load_onnx(const char *path,
                               const ff_onnx_options *options,
                               ff_network **network);

// Reads a network from the bytes of an ONNX file, as `ff_network_load_onnx` does.
ff_status ff_network_from_onnx(const uint8_t *data,
                               size_t data_len,
                               const ff_onnx_options *options,
                               ff_network **network);

// Writes a network to the bytes of an ONNX file, with the input `x` and the output `y`.
ff_status ff_network_to_onnx(const ff_network *network, ff_bytes **bytes);

// Saves a network as an ONNX file, with the input `x` and the output `y`.
ff_status ff_network_save_onnx(const ff_network *network, const char *path);

// Writes a network as a C header that needs no library. `name` is the prefix of its functions.
ff_status ff_network_to_c(const ff_network *network, const char *name, ff_bytes **text);

// Sets all options to their defaults. `size` is `sizeof(ff_quantize_options)`.
ff_status ff_quantize_options_default(ff_quantize_options *options, size_t size);

// Quantizes a network. `samples` has rows of inputs like those that the network will see, and a
// few hundred are enough. `options` may be NULL.
ff_status ff_network_quantize(const ff_network *network,
                              const ff_quantize_options *options,
                              const float *samples,
                              size_t samples_len,
                              ff_quantized **quantized);

// Frees a quantized network. Does nothing for NULL. Its predictors stay valid.
void ff_quantized_free(ff_quantized *quantized);

// Returns the number of inputs, or 0 for NULL.
size_t ff_quantized_inputs(const ff_quantized *quantized);

// Returns the number of outputs, or 0 for NULL.
size_t ff_quantized_outputs(const ff_quantized *quantized);

// Writes a quantized network to bytes in safetensors format.
ff_status ff_quantized_to_bytes(const ff_quantized *quantized, ff_bytes **bytes);

// Reads a quantized network from bytes, which are not trusted.
ff_status ff_quantized_from_bytes(const uint8_t *data, size_t data_len, ff_quantized **quantized);

// Saves a quantized network as a file in safetensors format.
ff_status ff_quantized_save(const ff_quantized *quantized, const char *path);

// Loads a quantized network from a file, which is not trusted.
ff_status ff_quantized_load(const char *path, ff_quantized **quantized);

// Writes a quantized network as a C header that needs no library. `name` is the prefix of its
// functions.
ff_status ff_quantized_to_c(const ff_quantized *quantized, const char *name, ff_bytes **text);

// Computes the mean and the standard deviation of each column. `data` has `width` columns, and
// `offsets` and `scales` have one value for each of them.
//
// The scale of a constant column is 1.
ff_status ff_standardize(const float *data,
                         size_t data_len,
                         size_t width,
                         float *offsets,
                         float *scales);

// Replaces each value by (value - offset) / scale, with the offset and the scale of its column.
ff_status ff_scale(float *data,
                   size_t data_len,
                   size_t width,
                   const float *offsets,
                   const float *scales);

// Puts the scaling of inputs into a network that was trained with scaled inputs. It then takes
// inputs as they are. `width` is the number of inputs.
ff_status ff_network_fold_inputs(ff_network *network,
                                 const float *offsets,
                                 const float *scales,
                                 size_t width);

// Puts the scaling of targets into a network that was trained with scaled targets. Its outputs are
// then in the unit of the targets. `width` is the number of outputs.
//
// The activation of the last layer must be `"identity"`.
ff_status ff_network_fold_outputs(ff_network *network,
                                  const float *offsets,
                                  const float *scales,
                                  size_t width);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FEEDFORWARD_H */
