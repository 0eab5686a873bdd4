/* Stands where the exporter writes a model's settings, so that the template compiles as it is. */
#ifndef MODEL_CLASSES
#define MODEL_CLASSES       2
#define MODEL_RATE          8000
#define MODEL_CLIP_CHANNELS 2
#define MODEL_CLIP_SAMPLES  100
#define MODEL_FRAME_SIZE    16
#define MODEL_BLOCK_SIZE    64
#define MODEL_VALUES_SIZE   600
#else
#define MODEL_INPUT        0
#define MODEL_FRONT        240
#define MODEL_DECIBELS_AT  500
#define MODEL_MIN_PEAK     1e-4f
#define MODEL_TRIM         1e-3
#define MODEL_BEFORE_ONSET 8
#define MODEL_FADE         40
#define MODEL_N_FFT        16
#define MODEL_N_FOURIER    16
#define MODEL_N_BANDS      4
#define MODEL_HOP          8
#define MODEL_LEAD         8
#define MODEL_WAVE         16
#define MODEL_WINDOW_MEAN  0.5
#define MODEL_WINDOW_WAVE  0.5
#define MODEL_LEAST_POWER  1e-10f
#define MODEL_TOP_DB       80.0f
#define MODEL_POWER_SCALE  1.0f
#define MODEL_TEMPERATURE  1.0f
#define MODEL_N_PLANES     6
#define MODEL_N_ROWS       4
#define MODEL_N_FRAMES     10
#define MODEL_N_FILLED     8
#define MODEL_N_NORM       4
#define MODEL_LABELS       "kick", "snare"
#define MODEL_LEAST        0.0f, 0.0f
#define MODEL_ABOVE        0.5f, 0.5f
#define MODEL_REFUSED      1
#define MODEL_N_SOUNDS     1
#define MODEL_TEST_FORM                                                                        \
    { 1.5, 0.99, 0.5, 0.9 }
#define MODEL_TEST_LENGTH 400
#define MODEL_TEST_WANTED 0.5f, 0.5f
#define MODEL_LONGEST     1000

#if MODEL_FRAMED
static const model_real model_wave[5] = {(model_real)0.5};
static const model_real model_fft_window[16] = {(model_real)0.5};
#endif
static const int model_mel_first[4] = {0, 1, 2, 3};
static const int model_mel_n[4] = {2, 2, 2, 2};
static const float model_mel_weight[8] = {0.5f};
static const float model_dct[16] = {0.5f};
static const float model_norm_offset[4] = {0.5f};
static const float model_norm_scale[4] = {1.0f, 1.0f, 1.0f, 1.0f};
#endif
