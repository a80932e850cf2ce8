/* Calls the library with wrong arguments. Each call returns an error and changes nothing. */
#include <feedforward.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints an error and its text, and checks the status. */
static void expect(ff_status status, ff_status expected, const char *call)
{
    char text[200];
    const size_t len = ff_last_error(text, sizeof text);
    printf("%s: %d, %s\n", ff_status_text(status), (int)status, text);
    if (status != expected || len == 0) {
        fprintf(stderr, "%s: expected %d\n", call, (int)expected);
        exit(1);
    }
}
#define FAILS(expected, call) expect(call, expected, #call)

static int32_t never(const ff_epoch *epoch, void *user)
{
    (void)epoch;
    (void)user;
    fprintf(stderr, "training began\n");
    exit(1);
}

int main(void)
{
    const ff_layer layers[] = {{4, "tanh"}, {1, "identity"}};
    const ff_layer unknown[] = {{4, "magic"}}, nameless[] = {{4, NULL}}, empty[] = {{0, "relu"}};
    const ff_layer huge[] = {{SIZE_MAX / 2, "relu"}, {1, "relu"}};
    const ff_layer bytes_not_utf8[] = {{4, "\xff\xfe"}};
    ff_network *const untouched = (ff_network *)&layers;
    ff_network *net = untouched;
    FAILS(FF_NULL_ARGUMENT, ff_network_new(2, NULL, 2, 0, &net));
    FAILS(FF_NULL_ARGUMENT, ff_network_new(2, layers, 2, 0, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_new(2, nameless, 1, 0, &net));
    FAILS(FF_WRONG_LENGTH, ff_network_new(2, layers, 0, 0, &net));
    FAILS(FF_UNKNOWN_NAME, ff_network_new(2, unknown, 1, 0, &net));
    FAILS(FF_INVALID_ARGUMENT, ff_network_new(2, bytes_not_utf8, 1, 0, &net));
    FAILS(FF_INVALID_ARGUMENT, ff_network_new(2, empty, 1, 0, &net));
    FAILS(FF_INVALID_ARGUMENT, ff_network_new(0, layers, 2, 0, &net));
    FAILS(FF_TOO_LARGE, ff_network_new(2, huge, 2, 0, &net));
    FAILS(FF_INVALID_ARGUMENT, ff_network_new(2, layers, SIZE_MAX, 0, &net));
    if (net != untouched)
        return 1;
    if (ff_network_new(2, layers, 2, 0, &net) != FF_OK)
        return 1;

    /* Handles that are NULL. */
    float x[4] = {0, 1, 1, 0}, y[2] = {7, 7}, nan[2] = {0, NAN};
    if (ff_network_inputs(NULL) || ff_network_outputs(NULL) || ff_network_weight_count(NULL))
        return 1;
    if (ff_quantized_inputs(NULL) || ff_quantized_outputs(NULL) || ff_bytes_len(NULL))
        return 1;
    if (ff_bytes_data(NULL) != NULL)
        return 1;
    ff_network_free(NULL);
    ff_predictor_free(NULL);
    ff_quantized_free(NULL);
    ff_bytes_free(NULL);
    ff_bytes *bytes = NULL;
    FAILS(FF_NULL_ARGUMENT, ff_network_predict(NULL, x, 2, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_network_weights(NULL, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_network_set_weights(NULL, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_network_copy(NULL, &net));
    FAILS(FF_NULL_ARGUMENT, ff_network_copy(net, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_save(NULL, "x"));
    FAILS(FF_NULL_ARGUMENT, ff_network_save(net, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_load(NULL, &net));
    FAILS(FF_NULL_ARGUMENT, ff_network_to_bytes(net, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_to_bytes(NULL, &bytes));
    FAILS(FF_NULL_ARGUMENT, ff_network_to_onnx(NULL, &bytes));
    FAILS(FF_NULL_ARGUMENT, ff_network_save_onnx(net, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_load_onnx(NULL, NULL, &net));
    FAILS(FF_NULL_ARGUMENT, ff_network_to_c(net, NULL, &bytes));
    FAILS(FF_NULL_ARGUMENT, ff_network_fold_inputs(NULL, x, x, 2));
    FAILS(FF_NULL_ARGUMENT, ff_predict(NULL, x, 2, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_predictor_new_quantized(NULL, 1, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_quantized_to_bytes(NULL, &bytes));
    FAILS(FF_NULL_ARGUMENT, ff_quantized_save(NULL, "x"));
    FAILS(FF_NULL_ARGUMENT, ff_quantized_to_c(NULL, "x", &bytes));

    /* Lengths and numbers. */
    FAILS(FF_WRONG_LENGTH, ff_network_predict(net, x, 3, y, 1));
    FAILS(FF_WRONG_LENGTH, ff_network_predict(net, x, 2, y, 2));
    FAILS(FF_WRONG_LENGTH, ff_network_predict(net, NULL, 0, y, 0));
    FAILS(FF_NULL_ARGUMENT, ff_network_predict(net, NULL, 2, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_network_predict(net, x, 2, NULL, 1));
    FAILS(FF_NOT_FINITE, ff_network_predict(net, nan, 2, y, 1));
    FAILS(FF_WRONG_LENGTH, ff_network_weights(net, y, 2));
    FAILS(FF_WRONG_LENGTH, ff_network_set_weights(net, x, 4));
    FAILS(FF_INVALID_ARGUMENT, ff_network_predict(net, x, SIZE_MAX, y, 1));
    ff_predictor *predictor = NULL;
    FAILS(FF_INVALID_ARGUMENT, ff_predictor_new(net, 0, &predictor));
    FAILS(FF_TOO_LARGE, ff_predictor_new(net, SIZE_MAX, &predictor));
    FAILS(FF_NULL_ARGUMENT, ff_predictor_new(net, 1, NULL));
    if (predictor != NULL || ff_predictor_new(net, 1, &predictor) != FF_OK)
        return 1;
    FAILS(FF_WRONG_LENGTH, ff_predict(predictor, x, 4, y, 2));
    FAILS(FF_WRONG_LENGTH, ff_predict(predictor, x, 1, y, 1));
    FAILS(FF_WRONG_LENGTH, ff_predict(predictor, x, 2, y, 0));
    FAILS(FF_NULL_ARGUMENT, ff_predict(predictor, NULL, 2, y, 1));
    FAILS(FF_NULL_ARGUMENT, ff_predict(predictor, x, 2, NULL, 1));
    FAILS(FF_NOT_FINITE, ff_predict(predictor, nan, 2, y, 1));
    float weights[17];
    if (ff_network_weights(net, weights, 17) != FF_OK)
        return 1;
    weights[3] = INFINITY;
    FAILS(FF_NOT_FINITE, ff_network_set_weights(net, weights, 17));

    /* An overflow leaves the outputs as they are. */
    ff_network *large = NULL;
    ff_predictor *overflowing = NULL;
    for (int i = 0; i < 17; i++)
        weights[i] = 3e38F;
    if (ff_network_copy(net, &large) || ff_network_set_weights(large, weights, 17))
        return 1;
    if (ff_predictor_new(large, 2, &overflowing))
        return 1;
    FAILS(FF_OVERFLOW, ff_predict(overflowing, x, 4, y, 2));
    FAILS(FF_OVERFLOW, ff_network_predict(large, x, 4, y, 2));
    ff_predictor_free(overflowing);
    ff_network_free(large);
    if (y[0] != 7 || y[1] != 7)
        return 1;

    /* Options. */
    ff_train_options options;
    FAILS(FF_NULL_ARGUMENT, ff_train_options_default(NULL, sizeof options));
    FAILS(FF_INVALID_ARGUMENT, ff_train_options_default(&options, 3));
    FAILS(FF_INVALID_ARGUMENT, ff_train_options_default(&options, sizeof options + 8));
    for (int fault = 0; fault < 16; fault++) {
        if (ff_train_options_default(&options, sizeof options) != FF_OK)
            return 1;
        ff_status expected = FF_INVALID_ARGUMENT;
        switch (fault) {
        case 0: options.size = 0; break;
        case 1: options.size = sizeof options + 4; break;
        case 2: options.loss = "magic"; expected = FF_UNKNOWN_NAME; break;
        case 3: options.optimizer = NULL; expected = FF_NULL_ARGUMENT; break;
        case 4: options.schedule = "\xff"; break;
        case 5: options.learning_rate = -1; break;
        case 6: options.learning_rate = NAN; break;
        case 7: options.optimizer = "sgd"; options.momentum = 2; break;
        case 8: options.l2 = -1; break;
        case 9: options.dropout = 1; break;
        case 10: options.clip_norm = -1; break;
        case 11: options.validation_fraction = 2; break;
        case 12: options.patience = 1; break;
        case 13: options.momentum = 0.9; break;
        case 14: options.weight_decay = 0.5; break;
        default: options.optimizer = "adamw"; options.weight_decay = -1; break;
        }
        FAILS(expected, ff_network_train(net, &options, x, 4, y, 2, never, NULL, NULL));
    }
    ff_train_result result = {0};
    FAILS(FF_INVALID_ARGUMENT, ff_network_train(net, NULL, x, 4, y, 2, never, NULL, &result));
    FAILS(FF_NULL_ARGUMENT, ff_network_train(NULL, NULL, x, 4, y, 2, never, NULL, NULL));
    FAILS(FF_NULL_ARGUMENT, ff_network_train(net, NULL, NULL, 4, y, 2, never, NULL, NULL));
    FAILS(FF_WRONG_LENGTH, ff_network_train(net, NULL, x, 3, y, 2, never, NULL, NULL));
    FAILS(FF_WRONG_LENGTH, ff_network_train(net, NULL, x, 4, y, 1, never, NULL, NULL));
    FAILS(FF_NOT_FINITE, ff_network_train(net, NULL, nan, 2, y, 1, never, NULL, NULL));

    /* Scaling. */
    float zero[2] = {0, 0};
    FAILS(FF_NULL_ARGUMENT, ff_standardize(x, 4, 2, NULL, y));
    FAILS(FF_WRONG_LENGTH, ff_standardize(x, 3, 2, y, y));
    FAILS(FF_INVALID_ARGUMENT, ff_scale(x, 4, 2, zero, zero));
    FAILS(FF_WRONG_LENGTH, ff_network_fold_inputs(net, x, x + 1, 1));

    /* Files. */
    FAILS(FF_IO, ff_network_load("no/such/file", &net));
    FAILS(FF_IO, ff_network_load_onnx("no/such/file", NULL, &net));
    FAILS(FF_IO, ff_network_save(net, "no/such/file"));
    FAILS(FF_IO, ff_network_save_onnx(net, "no/such/file"));
    FAILS(FF_INVALID_ARGUMENT, ff_network_to_c(net, "not a name", &bytes));
    ff_network *read = NULL;
    ff_quantized *quantized = NULL;
    FAILS(FF_BAD_FORMAT, ff_network_from_bytes(NULL, 0, &read));
    FAILS(FF_NULL_ARGUMENT, ff_network_from_bytes(NULL, 10, &read));
    if (ff_network_to_bytes(net, &bytes) != FF_OK)
        return 1;
    const size_t len = ff_bytes_len(bytes);
    uint8_t *damaged = malloc(len);
    memcpy(damaged, ff_bytes_data(bytes), len);
    for (size_t i = 0; i < len; i += 7) {
        damaged[i] ^= 0x55;
        if (ff_network_from_bytes(damaged, len, &read) == FF_OK)
            return 1;
        if (ff_network_from_onnx(damaged, i, NULL, &read) == FF_OK)
            return 1;
        damaged[i] ^= 0x55;
        if (ff_network_from_bytes(damaged, i, &read) == FF_OK)
            return 1;
    }
    FAILS(FF_BAD_FORMAT, ff_quantized_from_bytes(damaged, len, &quantized));
    free(damaged);
    ff_bytes_free(bytes);
    if (read != NULL || quantized != NULL)
        return 1;
    FAILS(FF_WRONG_LENGTH, ff_network_quantize(net, NULL, x, 3, &quantized));
    ff_quantize_options bits;
    if (ff_quantize_options_default(&bits, sizeof bits) != FF_OK)
        return 1;
    bits.activation_bits = 12;
    FAILS(FF_INVALID_ARGUMENT, ff_network_quantize(net, &bits, x, 4, &quantized));

    /* Texts are cut off, and end with NUL. */
    char text[8];
    memset(text, 'x', sizeof text);
    const size_t whole = ff_last_error(text, 5);
    if (whole < 5 || text[4] != 0 || text[5] != 'x' || ff_last_error(NULL, 0) != whole)
        return 1;
    if (strcmp(ff_status_text(12345), "an unknown status") != 0)
        return 1;
    ff_predictor_free(predictor);
    ff_network_free(net);
    return 0;
}
