/* Loads a network, and predicts: the least that a program needs. Its size is printed in CI. */
#include <feedforward.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ff_network *net = NULL;
    ff_predictor *predictor = NULL;
    const float inputs[] = {0, 1};
    float output[1];
    ff_status status = count < 2 ? FF_NULL_ARGUMENT : ff_network_load(arguments[1], &net);
    if (!status) status = ff_predictor_new(net, 1, &predictor);
    if (!status) status = ff_predict(predictor, inputs, 2, output, 1);
    if (!status) printf("%.2f\n", output[0]);
    ff_predictor_free(predictor);
    ff_network_free(net);
    return status != FF_OK;
}
