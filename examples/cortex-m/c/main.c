/* Predicts with a network that `to_c` wrote, on a Cortex-M4 without a C library.
 *
 * NETWORK is the name of its header. With FLOAT the network is one in f32. With PRINT the program
 * prints the instructions of a prediction under qemu with `-icount shift=0`. `.ci/embedded` builds
 * it. */
#include <stddef.h>
#include <stdint.h>

#define SINE_SELF_TEST
#define ANOMALY_SELF_TEST
#include NETWORK

#ifdef ANOMALY_H
#define INPUTS ANOMALY_INPUTS
#define OUTPUTS ANOMALY_OUTPUTS
#define self_test anomaly_self_test
#define predict anomaly_predict_integers
typedef int8_t input_t;
typedef int8_t output_t;
#else
#define INPUTS SINE_INPUTS
#define OUTPUTS SINE_OUTPUTS
#define self_test sine_self_test
#ifdef FLOAT
#define predict sine_predict
typedef float input_t;
typedef float output_t;
#else
#define predict sine_predict_integers
typedef int8_t input_t;
typedef int32_t output_t;
#endif
#endif

/* Calls the debugger or emulator. */
static int semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

#define SYS_WRITE0 0x04
#define SYS_EXIT 0x18
#define STOPPED 0x20026 /* success; all others are failures */
#define RUN_TIME_ERROR 0x20023

#ifdef PRINT
#define TIMER_CONTROL (*(volatile uint32_t *)0xe000e010)
#define TIMER_RELOAD (*(volatile uint32_t *)0xe000e014)
#define TIMER_VALUE (*(volatile uint32_t *)0xe000e018)

/* Prints the instructions of one prediction: one in each nanosecond, and 40 in each tick. */
static void count(void)
{
    static input_t x[INPUTS];
    static output_t y[OUTPUTS];
    TIMER_RELOAD = 0xffffff;
    TIMER_VALUE = 0;
    TIMER_CONTROL = 5;
    const uint32_t before = TIMER_VALUE;
    for (int i = 0; i < 100; i++) {
        __asm__ volatile("" : : "r"(x), "r"(y) : "memory");
        predict(x, y);
    }
    __asm__ volatile("" : : "r"(y) : "memory");
    uint32_t instructions = ((before - TIMER_VALUE) & 0xffffff) * 40 / 100;
    char text[] = "          instructions for one prediction\n";
    for (int i = 8; instructions > 0; i--) {
        text[i] = (char)('0' + instructions % 10);
        instructions /= 10;
    }
    semihosting(SYS_WRITE0, text);
}
#endif

extern uint32_t stack_end[], data_start[], data_end[], data_source[], bss_start[], bss_end[];

/* Apart from `reset`, which may not use numbers in f32 before it enables them. */
static __attribute__((noinline)) void run(void)
{
#ifdef PRINT
    count();
#endif
    const int code = self_test() == 0 ? STOPPED : RUN_TIME_ERROR;
    semihosting(SYS_EXIT, (const void *)code);
    for (;;) {
    }
}

void reset(void)
{
#ifdef FLOAT
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* the floating-point unit */
    __asm__ volatile("dsb\nisb");
#endif
    const uint32_t *from = data_source;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    run();
}

static void fault(void)
{
    semihosting(SYS_EXIT, (const void *)RUN_TIME_ERROR);
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_end, reset, fault, fault, fault, fault, fault,
};
