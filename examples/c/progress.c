/* Trains with a callback, and predicts without allocation. */
#include <feedforward.h>
#include <math.h>
#include <stdio.h>

/* Prints the loss of each 50th epoch. Training stops once the loss is small. */
static int32_t after_epoch(const ff_epoch *epoch, void *user)
{
    if (epoch->number % 50 == 0)
        printf("%s: epoch %d, loss %.6f\n", (const char *)user, (int)epoch->number, epoch->loss);
    return epoch->loss < 1e-5;
}

int main(void)
{
    float inputs[200], targets[200], output[1];
    for (int i = 0; i < 200; i++) {
        inputs[i] = (float)i / 100 - 1;
        targets[i] = (float)sin(3 * inputs[i]);
    }
    const ff_layer layers[] = {{32, "tanh"}, {32, "tanh"}, {1, "identity"}};
    ff_network *net = NULL;
    ff_predictor *predictor = NULL;
    ff_train_result result = {0};
    result.size = sizeof result;
    ff_train_options options;
    ff_status status = ff_train_options_default(&options, sizeof options);
    options.batch_size = 20;
    options.learning_rate = 0.01;
    options.schedule = "cosine";
    if (!status) status = ff_network_new(1, layers, 3, 1, &net);
    if (!status) status = ff_network_train(net, &options, inputs, 200, targets, 200, after_epoch,
                                           "sine", &result);
    if (!status) status = ff_predictor_new(net, 1, &predictor);
    for (float x = -1; x <= 1 && !status; x += 0.5F) {
        status = ff_predict(predictor, &x, 1, output, 1);
        if (!status) printf("sin(3 * %.1f) is about %.2f\n", x, output[0]);
    }
    printf("%d epochs, loss %.6f, %s\n", (int)result.epochs, result.loss, ff_status_text(status));
    ff_predictor_free(predictor);
    ff_network_free(net);
    return status != FF_OK;
}
