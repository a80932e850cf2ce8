/* Learns exclusive or, saves the network, and prints its outputs. */
#include <feedforward.h>
#include <stdio.h>

int main(void)
{
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    const ff_layer layers[] = {{8, "tanh"}, {1, "identity"}};
    float outputs[4];
    ff_network *net = NULL;
    ff_train_options options;
    ff_status status = ff_train_options_default(&options, sizeof options);
    options.epochs = 500;
    options.learning_rate = 0.02;
    if (!status) status = ff_network_new(2, layers, 2, 1, &net);
    if (!status) status = ff_network_train(net, &options, inputs, 8, targets, 4, NULL, NULL, NULL);
    if (!status) status = ff_network_save(net, "xor.safetensors");
    if (!status) status = ff_network_predict(net, inputs, 8, outputs, 4);
    for (int i = 0; i < 4 && !status; i++)
        printf("%g xor %g = %.2f\n", inputs[2 * i], inputs[2 * i + 1], outputs[i]);
    if (status) {
        char text[256];
        ff_last_error(text, sizeof text);
        fprintf(stderr, "error %d: %s\n", (int)status, text);
    }
    ff_network_free(net);
    return status != FF_OK;
}
