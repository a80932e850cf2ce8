/* Calls each function of the header, and checks its result. */
#include <feedforward.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 200

static void check(int condition, const char *what)
{
    if (!condition) {
        char text[256];
        ff_last_error(text, sizeof text);
        fprintf(stderr, "failed: %s (last error: %s)\n", what, text);
        exit(1);
    }
}
#define CHECK(condition) check(condition, #condition)
#define OK(call) check((call) == FF_OK, #call)

typedef struct {
    const ff_network *net;
    unsigned calls, stop_at;
    double last;
} progress;

static int32_t after_epoch(const ff_epoch *epoch, void *user)
{
    progress *now = user;
    now->calls++;
    now->last = epoch->loss;
    CHECK(epoch->size == sizeof *epoch && epoch->number == now->calls);
    CHECK(epoch->learning_rate > 0);
    /* The network has the weights of this moment, and may be used here. */
    float x[2] = {0.5F, 0.5F}, y[1];
    OK(ff_network_predict(now->net, x, 2, y, 1));
    return now->calls == now->stop_at;
}

/* Raw data, far from zero: targets are 3 a - b + 100. */
static float raw[2 * SAMPLES], inputs[2 * SAMPLES], targets[SAMPLES], scaled[SAMPLES];

static void make_data(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        raw[2 * i] = 50.0F + 10.0F * (float)sin(0.7 * i);
        raw[2 * i + 1] = -20.0F + 5.0F * (float)cos(1.3 * i);
        targets[i] = 3.0F * raw[2 * i] - raw[2 * i + 1] + 100.0F;
    }
    memcpy(inputs, raw, sizeof raw);
    memcpy(scaled, targets, sizeof targets);
}

static void train(ff_network *net)
{
    ff_train_options options;
    OK(ff_train_options_default(&options, sizeof options));
    CHECK(options.epochs == 200 && strcmp(options.optimizer, "adam") == 0);
    options.learning_rate = 0.01;
    options.schedule = "cosine";
    options.batch_size = 20;
    options.validation_fraction = 0.1;
    options.patience = 1000;
    options.epochs = 100;
    options.threads = 2;
    progress now = {net, 0, 0, 0};
    ff_train_result result = {0};
    result.size = sizeof result;
    OK(ff_network_train(net, &options, inputs, 2 * SAMPLES, scaled, SAMPLES, after_epoch, &now,
                        &result));
    CHECK(now.calls == 100 && result.epochs == 100);
    CHECK(result.stopped_by == FF_STOPPED_BY_EPOCHS);
    CHECK(result.best_epoch >= 1 && result.best_epoch <= 100);
    CHECK(result.loss == now.last && result.best_validation_loss < 0.05);

    /* The callback stops. */
    progress third = {net, 0, 3, 0};
    OK(ff_network_train(net, NULL, inputs, 2 * SAMPLES, scaled, SAMPLES, after_epoch, &third,
                        &result));
    CHECK(third.calls == 3 && result.epochs == 3);
    CHECK(result.stopped_by == FF_STOPPED_BY_CALLBACK);

    /* Every loss and optimizer. */
    const char *losses[] = {"mean_squared_error", "mean_absolute_error", "huber"};
    for (int i = 0; i < 3; i++) {
        OK(ff_train_options_default(&options, sizeof options));
        options.loss = losses[i];
        options.learning_rate = 1e-6;
        options.epochs = 1;
        OK(ff_network_train(net, &options, inputs, 2 * SAMPLES, scaled, SAMPLES, NULL, NULL, NULL));
    }
    const char *optimizers[] = {"adam",    "adamw",    "sgd",    "nadam", "rmsprop",
                                "adagrad", "adadelta", "adamax", "rprop", "muon"};
    ff_network *other = NULL;
    OK(ff_network_copy(net, &other));
    for (int i = 0; i < 10; i++) {
        OK(ff_train_options_default(&options, sizeof options));
        options.optimizer = optimizers[i];
        options.clip_norm = 1;
        options.dropout = 0.1;
        options.l2 = 1e-4;
        options.schedule = "linear";
        options.epochs = 2;
        if (i == 8) /* needs all samples */
            options.batch_size = SAMPLES;
        OK(ff_network_train(other, &options, inputs, 2 * SAMPLES, scaled, SAMPLES, NULL, NULL,
                            NULL));
    }
    ff_network_free(other);
}

static void train_on_classes(void)
{
    const char *losses[] = {"binary_cross_entropy", "softmax_cross_entropy", "poisson"};
    for (int i = 0; i < 3; i++) {
        const size_t outputs = i == 1 ? 2 : 1;
        const ff_layer layers[] = {{4, "relu"}, {outputs, "identity"}};
        ff_network *net = NULL;
        OK(ff_network_new(2, layers, 2, 1, &net));
        const float x[] = {0, 1, 1, 0}, y[] = {1, 0, 0, 1};
        ff_train_options options;
        OK(ff_train_options_default(&options, sizeof options));
        options.loss = losses[i];
        options.epochs = 5;
        OK(ff_network_train(net, &options, x, 4, y, 2 * outputs, NULL, NULL, NULL));
        ff_network_free(net);
    }
}

static void predict(ff_network *net)
{
    static float all[SAMPLES], some[SAMPLES], both[2 * SAMPLES];
    OK(ff_network_predict(net, raw, 2 * SAMPLES, all, SAMPLES));
    for (int i = 0; i < SAMPLES; i++)
        CHECK(fabsf(all[i] - targets[i]) < 10.0F);

    /* One by one, in a batch, and in place: bit-identical. */
    ff_predictor *predictor = NULL;
    OK(ff_predictor_new(net, SAMPLES, &predictor));
    for (size_t i = 0; i < SAMPLES; i++)
        OK(ff_predict(predictor, raw + 2 * i, 2, some + i, 1));
    CHECK(memcmp(all, some, sizeof all) == 0);
    memset(some, 0, sizeof some);
    OK(ff_predict(predictor, raw, 2 * SAMPLES, some, SAMPLES));
    CHECK(memcmp(all, some, sizeof all) == 0);
    memcpy(both, raw, sizeof raw);
    OK(ff_predict(predictor, both, 2 * SAMPLES, both, SAMPLES));
    CHECK(memcmp(all, both, sizeof all) == 0);

    /* A predictor keeps its weights, also when the network is gone. */
    ff_network *copy = NULL;
    OK(ff_network_copy(net, &copy));
    ff_predictor *old = NULL;
    OK(ff_predictor_new(copy, 1, &old));
    const size_t count = ff_network_weight_count(copy);
    float *weights = calloc(count, sizeof *weights);
    OK(ff_network_set_weights(copy, weights, count));
    OK(ff_network_predict(copy, raw, 2, some, 1));
    CHECK(some[0] == 0.0F);
    ff_network_free(copy);
    OK(ff_predict(old, raw, 2, some, 1));
    CHECK(some[0] == all[0]);
    OK(ff_network_weights(net, weights, count));
    CHECK(weights[0] != 0.0F);
    free(weights);
    ff_predictor_free(old);
    ff_predictor_free(predictor);
}

static void files(const ff_network *net)
{
    float expected[1], got[1];
    OK(ff_network_predict(net, raw, 2, expected, 1));
    ff_network *read = NULL;
    ff_bytes *bytes = NULL;
    for (int form = 0; form < 4; form++) {
        if (form == 0) {
            OK(ff_network_save(net, "net.safetensors"));
            OK(ff_network_load("net.safetensors", &read));
        } else if (form == 1) {
            OK(ff_network_to_bytes(net, &bytes));
            OK(ff_network_from_bytes(ff_bytes_data(bytes), ff_bytes_len(bytes), &read));
            ff_bytes_free(bytes);
        } else if (form == 2) {
            OK(ff_network_save_onnx(net, "net.onnx"));
            OK(ff_network_load_onnx("net.onnx", NULL, &read));
        } else {
            ff_onnx_options options;
            OK(ff_onnx_options_default(&options, sizeof options));
            options.output = "y";
            options.logits = 1;
            OK(ff_network_to_onnx(net, &bytes));
            OK(ff_network_from_onnx(ff_bytes_data(bytes), ff_bytes_len(bytes), &options, &read));
            ff_bytes_free(bytes);
        }
        OK(ff_network_predict(read, raw, 2, got, 1));
        CHECK(memcmp(expected, got, sizeof got) == 0);
        ff_network_free(read);
    }
    OK(ff_network_to_c(net, "net", &bytes));
    CHECK(strstr((const char *)ff_bytes_data(bytes), "net_predict") != NULL);
    CHECK(strlen((const char *)ff_bytes_data(bytes)) == ff_bytes_len(bytes));
    ff_bytes_free(bytes);
}

static void quantize(const ff_network *net)
{
    ff_quantize_options options;
    OK(ff_quantize_options_default(&options, sizeof options));
    options.activation_bits = 16;
    options.compensate_weights = 1;
    ff_quantized *quantized = NULL, *read = NULL;
    OK(ff_network_quantize(net, &options, raw, 2 * SAMPLES, &quantized));
    CHECK(ff_quantized_inputs(quantized) == 2 && ff_quantized_outputs(quantized) == 1);
    ff_predictor *predictor = NULL;
    OK(ff_predictor_new_quantized(quantized, 100, &predictor));
    static float expected[SAMPLES], got[SAMPLES];
    OK(ff_network_predict(net, raw, 2 * SAMPLES, expected, SAMPLES));
    OK(ff_predict(predictor, raw, 200, got, 100));
    OK(ff_predict(predictor, raw + 200, 200, got + 100, 100));
    for (int i = 0; i < SAMPLES; i++)
        CHECK(fabsf(expected[i] - got[i]) < 2.0F);

    ff_bytes *bytes = NULL;
    OK(ff_quantized_to_bytes(quantized, &bytes));
    OK(ff_quantized_from_bytes(ff_bytes_data(bytes), ff_bytes_len(bytes), &read));
    ff_bytes_free(bytes);
    ff_quantized_free(read);
    OK(ff_quantized_save(quantized, "net8.safetensors"));
    OK(ff_quantized_load("net8.safetensors", &read));
    ff_quantized_free(quantized);
    OK(ff_quantized_to_c(read, "small", &bytes));
    CHECK(strstr((const char *)ff_bytes_data(bytes), "small_predict") != NULL);
    ff_bytes_free(bytes);
    ff_quantized_free(read);
    ff_predictor_free(predictor);
}

int main(void)
{
    CHECK(ff_abi_version() == FF_ABI_VERSION);
    CHECK(strcmp(ff_status_text(FF_OK), "success") == 0);
    const ff_layer layers[] = {{8, "tanh"}, {1, "identity"}};
    ff_network *net = NULL;
    OK(ff_network_new(2, layers, 2, 7, &net));
    CHECK(ff_network_inputs(net) == 2 && ff_network_outputs(net) == 1);
    CHECK(ff_network_weight_count(net) == 2 * 8 + 8 + 8 + 1);

    make_data();
    float offsets[2], scales[2], offset[1], scale[1];
    OK(ff_standardize(inputs, 2 * SAMPLES, 2, offsets, scales));
    OK(ff_standardize(scaled, SAMPLES, 1, offset, scale));
    OK(ff_scale(inputs, 2 * SAMPLES, 2, offsets, scales));
    OK(ff_scale(scaled, SAMPLES, 1, offset, scale));
    train(net);
    train_on_classes();
    OK(ff_network_fold_inputs(net, offsets, scales, 2));
    OK(ff_network_fold_outputs(net, offset, scale, 1));
    predict(net);
    files(net);
    quantize(net);
    ff_network_free(net);
    puts("all functions work");
    return 0;
}
