/* Loads the library while it runs, as a host loads a plug-in. The thread that predicts is older than
 * the library, and must not allocate. */
#include <dlfcn.h>
#include <feedforward.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);

static _Thread_local int in_callback;

void *malloc(size_t size)
{
    if (in_callback)
        abort();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (in_callback)
        abort();
    return __libc_calloc(count, size);
}

typedef ff_status (*predict_function)(ff_predictor *, const float *, size_t, float *, size_t);
typedef size_t (*error_function)(char *, size_t);

static predict_function predict;
static error_function last_error;
static ff_predictor *_Atomic predictor;

static void *audio(void *unused)
{
    ff_predictor *mine;
    while ((mine = atomic_load(&predictor)) == NULL)
        ;
    float x[2] = {0, 1}, y[1];
    in_callback = 1;
    if (predict(mine, x, 2, y, 1) != FF_OK)
        abort();
    in_callback = 0;
    last_error(NULL, 0); /* the room for texts of errors */
    in_callback = 1;
    if (predict(mine, x, 1, y, 1) != FF_WRONG_LENGTH)
        abort();
    in_callback = 0;
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, audio, NULL) != 0)
        return 1;
    void *library = dlopen("libfeedforward.so", RTLD_NOW);
    if (library == NULL)
        return 1;
    ff_status (*make)(size_t, const ff_layer *, size_t, uint64_t, ff_network **);
    ff_status (*prepare)(const ff_network *, size_t, ff_predictor **);
    /* POSIX has functions behind pointers to data, and ISO C does not. */
    *(void **)&make = dlsym(library, "ff_network_new");
    *(void **)&prepare = dlsym(library, "ff_predictor_new");
    *(void **)&predict = dlsym(library, "ff_predict");
    *(void **)&last_error = dlsym(library, "ff_last_error");
    const ff_layer layers[] = {{8, "tanh"}, {1, "identity"}};
    ff_network *net = NULL;
    ff_predictor *made = NULL;
    if (make(2, layers, 2, 0, &net) != FF_OK || prepare(net, 1, &made) != FF_OK)
        return 1;
    atomic_store(&predictor, made);
    pthread_join(thread, NULL);
    puts("the host works");
    return 0;
}
