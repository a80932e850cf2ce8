/* A processor as in a plug-in for audio. One thread loads networks, another one predicts in a
 * callback that must never wait. The callback fails on any allocation. */
#include <feedforward.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 4    /* inputs: the last samples of the signal */
#define BLOCK 64   /* samples of a callback */
#define BLOCKS 400 /* callbacks */
#define LOADS 20   /* networks */

/* ---- Allocation in the callback ends the program. ---- */

static _Thread_local int in_callback;

#ifdef INTERPOSE
static void forbid(const char *function)
{
    if (in_callback) {
        in_callback = 0; /* fputs may allocate */
        fputs(function, stderr);
        fputs(" in the callback\n", stderr);
        abort();
    }
}

/* The allocator of glibc, under the names that it has besides malloc and the like. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size)
{
    forbid("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    forbid("calloc");
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    forbid("realloc");
    return __libc_realloc(old, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size)
{
    forbid("posix_memalign");
    *pointer = __libc_memalign(alignment, size);
    return *pointer == NULL ? 12 : 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    forbid("aligned_alloc");
    return __libc_memalign(alignment, size);
}

void free(void *pointer)
{
    forbid("free");
    __libc_free(pointer);
}
#endif

/* ---- The processor. ---- */

typedef struct {
    ff_predictor *current;          /* of the callback alone */
    _Atomic(ff_predictor *) coming; /* from the loader to the callback */
    _Atomic(ff_predictor *) going;  /* from the callback to the loader */
    float window[WIDTH - 1];        /* the last samples */
    atomic_int swaps, done;
} processor;

/* The callback: it takes over a new network if there is one, and predicts a block. */
static void process(processor *self, const float *in, float *out)
{
    in_callback = 1;
    /* The loader must have freed the last network before another one comes. */
    if (atomic_load(&self->going) == NULL) {
        ff_predictor *next = atomic_exchange(&self->coming, NULL);
        if (next != NULL) {
            atomic_store(&self->going, self->current);
            self->current = next;
            atomic_fetch_add(&self->swaps, 1);
        }
    }
    float rows[BLOCK][WIDTH];
    for (int i = 0; i < BLOCK; i++) {
        for (int k = 0; k < WIDTH - 1; k++)
            rows[i][k] = self->window[k];
        rows[i][WIDTH - 1] = in[i];
        for (int k = 0; k < WIDTH - 2; k++)
            self->window[k] = self->window[k + 1];
        self->window[WIDTH - 2] = in[i];
    }
    if (ff_predict(self->current, &rows[0][0], BLOCK * WIDTH, out, BLOCK) != FF_OK)
        abort();
    /* One sample alone, and faults of a program, do not allocate either. */
    float one[1], wrong[WIDTH] = {NAN, 0, 0, 0};
    if (ff_predict(self->current, rows[0], WIDTH, one, 1) != FF_OK || one[0] != out[0])
        abort();
    if (ff_predict(self->current, rows[0], WIDTH - 1, one, 1) != FF_WRONG_LENGTH)
        abort();
    if (ff_predict(self->current, wrong, WIDTH, one, 1) != FF_NOT_FINITE)
        abort();
    if (ff_predict(self->current, NULL, WIDTH, one, 1) != FF_NULL_ARGUMENT)
        abort();
    in_callback = 0;
}

static void *audio(void *user)
{
    processor *self = user;
    float in[BLOCK], out[BLOCK];
    for (int block = 0; block < BLOCKS || atomic_load(&self->swaps) < LOADS; block++) {
        for (int i = 0; i < BLOCK; i++)
            in[i] = (float)sin(0.05 * (block * BLOCK + i));
        process(self, in, out);
        for (int i = 0; i < BLOCK; i++)
            if (!isfinite(out[i]))
                abort();
        sched_yield(); /* until the next block is due */
    }
    atomic_store(&self->done, 1);
    return NULL;
}

/* Makes a predictor of a network from a file. Every other one is in integers. */
static ff_predictor *load(const char *path, int index)
{
    ff_network *net = NULL;
    ff_quantized *small = NULL;
    ff_predictor *predictor = NULL;
    ff_status status = ff_network_load(path, &net);
    if (status == FF_OK && index % 2 == 1) {
        float samples[100 * WIDTH];
        for (int i = 0; i < 100 * WIDTH; i++)
            samples[i] = (float)sin(0.3 * i);
        status = ff_network_quantize(net, NULL, samples, 100 * WIDTH, &small);
        if (status == FF_OK)
            status = ff_predictor_new_quantized(small, BLOCK, &predictor);
    } else if (status == FF_OK) {
        status = ff_predictor_new(net, BLOCK, &predictor);
    }
    if (status != FF_OK)
        abort();
    ff_quantized_free(small);
    ff_network_free(net);
    return predictor;
}

static void *loader(void *user)
{
    processor *self = user;
    for (int index = 0; index < LOADS || !atomic_load(&self->done);) {
        ff_predictor_free(atomic_exchange(&self->going, NULL));
        if (index < LOADS && atomic_load(&self->coming) == NULL)
            atomic_store(&self->coming, load("plugin.safetensors", index++));
        sched_yield();
    }
    return NULL;
}

int main(void)
{
    const ff_layer layers[] = {{16, "tanh"}, {8, "gelu"}, {1, "identity"}};
    ff_network *net = NULL;
    if (ff_network_new(WIDTH, layers, 3, 5, &net) || ff_network_save(net, "plugin.safetensors"))
        return 1;
    ff_network_free(net);
    static processor self;
    self.current = load("plugin.safetensors", 0);
    pthread_t threads[2];
    if (pthread_create(&threads[0], NULL, audio, &self) != 0)
        return 1;
    if (pthread_create(&threads[1], NULL, loader, &self) != 0)
        return 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    ff_predictor_free(self.current);
    ff_predictor_free(atomic_load(&self.coming));
    ff_predictor_free(atomic_load(&self.going));
    printf("%d networks were swapped\n", atomic_load(&self.swaps));
#ifdef MUST_FAIL
    in_callback = 1; /* to see that the test finds an allocation */
    ff_network_copy(NULL, NULL);
    ff_network_new(WIDTH, layers, 3, 5, &net);
#endif
    return 0;
}
