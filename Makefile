# rimshot - see README.md. Everything is globbed: a new source or test file needs no line here.

VERSION   := 0.1.0
PREFIX    ?= /usr/local
BUILD     ?= build
# make V=1 shows the commands.
Q         := $(if $(V),,@)
say        = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
CC        ?= cc
CFLAGS    ?= -O3 -g
WARNINGS  := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wpointer-arith -Werror
PACKAGES  := openblas fftw3 sndfile soxr hdf5 yaml-0.1 libcjson libxml-2.0 libxxhash cairo libprotobuf-c
LAYERS    := base dsp nn data infer train

pkg        = $(shell pkg-config $(1) $(PACKAGES) 2>/dev/null)
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DRIMSHOT_VERSION='"$(VERSION)"' -I. -I$(BUILD)/generated \
              $(call pkg,--cflags) -pthread -fPIC -ffp-contract=off -fno-math-errno $(WARNINGS) $(CFLAGS)
ALL_LDLIBS := $(LDFLAGS) $(call pkg,--libs) -lm -pthread

# Files named kernels.c hold the inner loops. On x86-64 they are compiled once per instruction-set
# level, each defining its own table, and the program picks one when it starts.
ARCH      := $(shell $(CC) -dumpmachine | cut -d- -f1)
ifeq ($(ARCH),x86_64)
LEVELS    := v2 v3 v4
level_cflags = -march=x86-64-$(1) -DKERNEL_LEVEL=$(1)
else
LEVELS    := v0
level_cflags = -DKERNEL_LEVEL=v0
endif

PROTOS    := $(wildcard $(LAYERS:%=%/*.proto))
PROTO_C   := $(PROTOS:%.proto=$(BUILD)/generated/%.pb-c.c)
KERNELS   := $(wildcard $(LAYERS:%=%/kernels.c))
SOURCES   := $(filter-out $(KERNELS),$(wildcard $(LAYERS:%=%/*.c)))
OBJECTS   := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(PROTO_C:$(BUILD)/generated/%.c=$(BUILD)/obj/generated/%.o) \
             $(foreach l,$(LEVELS),$(KERNELS:%.c=$(BUILD)/obj/%_$(l).o))
CLI       := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard cli/*.c))
TEST_SRC  := $(wildcard $(patsubst %,tests/%/test_*.c,$(LAYERS) cli))
TESTS     := $(TEST_SRC:%.c=$(BUILD)/%)
TEST_HELP := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/*.c))
BENCHES   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

all: $(BUILD)/rimshot $(BUILD)/librimshot.a $(BUILD)/librimshot.so

$(BUILD)/rimshot: $(CLI) $(BUILD)/librimshot.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(CLI) $(BUILD)/librimshot.a $(ALL_LDLIBS)

$(BUILD)/librimshot.a: $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(OBJECTS)

$(BUILD)/librimshot.so: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,librimshot.so.0 -o $@ $(OBJECTS) $(ALL_LDLIBS)

$(BUILD)/obj/%.o: %.c $(PROTO_C)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define kernel_rule
$(BUILD)/obj/%/kernels_$(1).o: %/kernels.c
	@mkdir -p $$(@D)
	$$(call say,CC,$$<" "$(1))
	$(Q)$$(CC) $$(ALL_CFLAGS) $(call level_cflags,$(1)) -ffp-contract=fast -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call kernel_rule,$(l))))

$(BUILD)/generated/%.pb-c.c: %.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(BUILD)/generated $<

$(BUILD)/obj/generated/%.o: $(BUILD)/generated/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -w -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(TEST_HELP) $(BUILD)/librimshot.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(shell pkg-config --cflags check) -MMD -MP -o $@ $< $(TEST_HELP) \
	    $(BUILD)/librimshot.a $(ALL_LDLIBS) $(shell pkg-config --libs check)

# Runs every test; the last line is "N passed, N failed". TEST=dsp/test_mel runs one.
test: all $(TESTS)
	@BUILD=$(BUILD) tests/run.sh $(if $(TEST),$(BUILD)/tests/$(TEST),$(TESTS))

check:
	@tests/setup.sh check
	@$(MAKE) -j$$(nproc) --no-print-directory test

demo:
	@tests/setup.sh demo
	@$(MAKE) -j$$(nproc) --no-print-directory all
	@$(BUILD)/rimshot train configs/demo.yaml --out runs/demo --overwrite

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all test check demo clean
.SECONDARY:
.DELETE_ON_ERROR:
