# rimshot - see README.md. Everything is globbed: a new source or test file needs no line here.

VERSION   := 0.1.0
DATE      := 2026-11-20
PREFIX    ?= /usr/local
BUILD     ?= build
# make V=1 shows the commands.
Q         := $(if $(V),,@)
say        = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
CC        ?= cc
CFLAGS    ?= -O3 -g
ARCH      := $(shell $(CC) -dumpmachine | cut -d- -f1)
# What makes faults of memory harder to exploit (tests/tree/test_hardening.sh). Sanitizers and builds
# without optimisation go without. Level 3 of FORTIFY_SOURCE is GCC's from 12 on, and clang's.
FORTIFY   := $(shell $(CC) -dM -E -x c /dev/null | awk '$$2 == "__clang__" { new = 1 } \
               $$2 == "__GNUC__" && $$3 >= 12 { new = 1 } END { print new ? 3 : 2 }')
HARDENING := $(if $(filter -fsanitize=% -O0 --coverage,$(CFLAGS)),,-fstack-protector-strong \
               -fstack-clash-protection $(if $(filter x86_64,$(ARCH)),-fcf-protection) \
               -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY))
HARDENED_LINK := -Wl,-z,relro,-z,now
WARNINGS  := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wpointer-arith -Werror
PACKAGES  := openblas fftw3 sndfile soxr hdf5 yaml-0.1 libcjson libxml-2.0 libxxhash zlib cairo libprotobuf-c
# make FLUIDSYNTH=1 renders SoundFonts; the program then starts some 20 ms later, for all that
# FluidSynth links.
ifdef FLUIDSYNTH
PACKAGES  += fluidsynth
CFLAGS_FLUIDSYNTH := -DRIMSHOT_FLUIDSYNTH
endif
# Open MPI, if its headers are there: jobs of several processes (base/ranks.h). The program loads the
# library only when mpirun or srun starts it. make MPI=0 goes without, MPI=1 fails if it is missing.
MPI       ?= $(shell pkg-config --exists ompi-c 2>/dev/null && echo 1)
ifneq ($(filter-out 0,$(MPI)),)
CFLAGS_MPI := -DRIMSHOT_MPI $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I ompi-c))
endif
# What the program alone needs.
CLI_PACKAGES := libmicrohttpd
# Libraries that pkg-config does not know. OpenBLAS comes first: LIBLINEAR then has its BLAS from it.
LIBRARIES := -llinear -lsvm
# Every folder of sources, from the bottom up: a file includes what stands before its own folder, and
# of that what the table in docs/architecture.md allows (tests/lint.sh).
LIBRARY   := base dsp nn/kernels nn nn/layers nn/classifiers data data/sources infer infer/import \
             infer/library infer/export train train/report train/study

pkg        = $(shell pkg-config $(1) $(PACKAGES) 2>/dev/null)
# -ffile-prefix-map: the same bytes whatever folder the tree lies in (make reproducible).
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DRIMSHOT_VERSION='"$(VERSION)"' -DRIMSHOT_DATE='"$(DATE)"' \
              -I. -I$(BUILD)/generated \
              $(call pkg,--cflags) $(CFLAGS_FLUIDSYNTH) $(CFLAGS_MPI) -pthread -fPIC -ffp-contract=off -fno-math-errno \
              -fvisibility=hidden -ffile-prefix-map="$(CURDIR)"=. $(HARDENING) $(WARNINGS) $(CFLAGS)
ALL_LDLIBS := $(HARDENED_LINK) $(LDFLAGS) $(call pkg,--libs) $(LIBRARIES) -lm -pthread

# Files named kernels.c hold the inner loops. On x86-64 they are compiled once per instruction-set
# level, each defining its own table, and the program picks one when it starts.
ifeq ($(ARCH),x86_64)
LEVELS    := v2 v3 v4
level_cflags = -march=x86-64-$(1) -DKERNEL_LEVEL=$(1)
else
LEVELS    := v0
level_cflags = -DKERNEL_LEVEL=v0
endif

PROTOS    := $(wildcard $(LIBRARY:%=%/*.proto))
PROTO_C   := $(PROTOS:%.proto=$(BUILD)/generated/%.pb-c.c)
# Texts that become part of the program: infer/web/index.html is infer_web_index[],
# and infer/export/c/layers.c, a part of the exported C header, is infer_export_c_layers[].
TEMPLATES := $(wildcard infer/export/c/*.[ch])
EMBEDDED  := $(wildcard $(LIBRARY:%=%/web/*.html)) infer/export/c_sound.h \
             $(filter-out %/settings.h %/network.c,$(TEMPLATES))
KERNELS   := $(wildcard $(LIBRARY:%=%/kernels.c))
SOURCES   := $(filter-out $(KERNELS),$(wildcard $(LIBRARY:%=%/*.c)))
OBJECTS   := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(PROTO_C:$(BUILD)/generated/%.c=$(BUILD)/obj/generated/%.o) \
             $(EMBEDDED:%=$(BUILD)/obj/generated/%.text.o) \
             $(foreach l,$(LEVELS),$(KERNELS:%.c=$(BUILD)/obj/%_$(l).o))
CLI       := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard cli/*.c))
TEST_SRC  := $(wildcard $(patsubst %,tests/%/test_*.c,$(LIBRARY) cli))
TEST_SH   := $(wildcard $(patsubst %,tests/%/test_*.sh,tree kills faults cluster mcu)) tests/extend.sh
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
TESTS     := $(TEST_SRC:%.c=$(BUILD)/%) $(TEST_SH:%.sh=$(BUILD)/%) \
             $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/tests/fuzz/%)
TEST_HELP := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/*.c))
FUZZ_HELP := $(patsubst %,$(BUILD)/obj/tests/fuzz/%.o,fuzz state)
BENCH     := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/bench/*.c))

all: $(BUILD)/rimshot $(BUILD)/lib/librimshot.a $(BUILD)/librimshot.so

$(BUILD)/rimshot: $(CLI) $(BUILD)/librimshot.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -pie -o $@ $(CLI) $(BUILD)/librimshot.a $(ALL_LDLIBS) \
	    $$(pkg-config --libs $(CLI_PACKAGES))

$(BUILD)/librimshot.a: $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(OBJECTS)

# The public libraries hold what infer/rimshot.h needs and show only what it declares.
PUBLIC    := $(BUILD)/obj/infer/rimshot.o $(BUILD)/librimshot.a
LIB_PACKAGES := openblas fftw3 sndfile soxr hdf5 yaml-0.1 libxxhash

$(BUILD)/librimshot.so: $(BUILD)/librimshot.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,librimshot.so.0 -Wl,--as-needed -o $@ $(PUBLIC) $(ALL_LDLIBS)

$(BUILD)/lib/librimshot.a: $(BUILD)/librimshot.a
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)ld -r -o $(@D)/rimshot.o $(PUBLIC) && objcopy --localize-hidden $(@D)/rimshot.o
	$(Q)rm -f $@ && ar rcsD $@ $(@D)/rimshot.o

$(BUILD)/obj/%.o: %.c $(PROTO_C)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The commit that facts.json names, with "+" where files were changed; none outside of a repository of
# this tree's own. One object holds it, so that nothing else is compiled or linked anew.
COMMIT    := $(shell [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$(realpath $(CURDIR))" ] && \
               git describe --always --abbrev=12 --exclude='*' --dirty=+ 2>/dev/null)
$(BUILD)/obj/cli/commit.o: ALL_CFLAGS += -DRIMSHOT_COMMIT='"$(COMMIT)"'
$(BUILD)/obj/cli/commit.o: $(BUILD)/generated/commit
.PHONY: always
$(BUILD)/generated/commit: always
	@mkdir -p $(@D)
	@echo "$(COMMIT)" | cmp -s - $@ || echo "$(COMMIT)" >$@

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

$(BUILD)/generated/%.text.c: %
	@mkdir -p $(@D)
	$(Q){ echo 'const char $(subst /,_,$(basename $*))[] = {'; od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '0};'; } >$@

$(BUILD)/obj/generated/%.o: $(BUILD)/generated/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -w -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(TEST_HELP) $(BUILD)/librimshot.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(shell pkg-config --cflags check) -MMD -MP -o $@ $< $(TEST_HELP) \
	    $(BUILD)/librimshot.a $(ALL_LDLIBS) $(shell pkg-config --libs check)

$(TEST_SH:%.sh=$(BUILD)/%): $(BUILD)/%: %.sh
	@install -D $< $@

# A fuzz target on the inputs that are kept.
$(BUILD)/tests/fuzz/%: tests/fuzz/fuzz_%.c $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_HELP) \
                       $(BUILD)/librimshot.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_HELP) \
	    $(BUILD)/librimshot.a $(ALL_LDLIBS)

# Runs every test; the last line is "N passed, N failed". TEST="dsp/test_mel cli/test_cli" runs
# those.
CHOSEN    := $(if $(TEST),$(TEST:%=$(BUILD)/tests/%),$(TESTS))
test: all $(CHOSEN)
	@BUILD=$(BUILD) tests/run.sh $(CHOSEN)

# The tests that promise bits, under all kernels and levels this processor runs, then every test
# once; the last line counts both.
check:
	@tests/setup.sh check
	@$(MAKE) -j$$(nproc) --no-print-directory all
	@if $(PYTHON) -c 'import numpy, pytest' 2>/dev/null; then \
	    $(MAKE) --no-print-directory check-python; \
	else \
	    echo "skip python: $(PYTHON) lacks numpy or pytest"; \
	fi
	@rm -f $(BUILD)/matrix.count
	@$(MAKE) -j$$(nproc) --no-print-directory matrix || true
	@COUNTED=$(BUILD)/matrix.count $(MAKE) -j$$(nproc) --no-print-directory test

# Tests of what must be the same bits alone and in batches, on any threads, after a resume, through
# the library and the command; the slow ones run under fewer pairs (tests/matrix.sh).
SAME_BITS := base/test_parallel nn/kernels/test_gemm nn/kernels/test_rows nn/test_neighbours nn/test_network data/test_batch \
             infer/test_classify infer/test_rimshot
SAME_BITS_SLOW := nn/classifiers/test_classifier train/test_experiment
matrix: $(BUILD)/bench $(BUILD)/rimshot $(SAME_BITS:%=$(BUILD)/tests/%) $(SAME_BITS_SLOW:%=$(BUILD)/tests/%)
	@BUILD=$(BUILD) QUICK="$(SAME_BITS:%=$(BUILD)/tests/%)" SLOW="$(SAME_BITS_SLOW:%=$(BUILD)/tests/%)" \
	    tests/matrix.sh

# Two builds in different folders, compared byte by byte.
.PHONY: reproducible
reproducible:
	@tests/reproducible.sh

# Tests of the Python package on what was built here; python/README.md says what they need.
PYTHON    ?= python3
check-python: all
	@$(PYTHON) -m pytest -q python/tests

# A model's C header on a Cortex-M33 under QEMU: MODEL=FILE, SOUNDS="WAV files" (tests/mcu/check_mcu.sh).
check-mcu: all
	@BUILD=$(BUILD) tests/mcu/check_mcu.sh "$(MODEL)" $(SOUNDS)

$(BUILD)/bench: $(BENCH) $(BUILD)/librimshot.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(BENCH) $(BUILD)/librimshot.a $(ALL_LDLIBS)

# Measures; takes hours with all peers. BENCH_ROUNDS, BENCH_NETWORKS, PEER_PYTHON, BENCH_ARGS and more:
# see tests/bench/run.py.
bench: $(BUILD)/bench $(BUILD)/rimshot
	@python3 tests/bench/run.py --program $(BUILD)/bench --json $(BUILD)/bench.json $(BENCH_ARGS)

# N random networks in all their forms: the program, librimshot, the C header and, where python3 has
# onnxruntime, ONNX give the same for clips of every length.
N         ?= 200
networks: $(BUILD)/tests/infer/export/test_networks
	@CK_TIMEOUT_MULTIPLIER=$(N) RIMSHOT_NETWORKS=$(N) $<

# libFuzzer (clang) on everything that reads files, one target after the other, each for TIME seconds
# or RUNS executions. FUZZ="model csv" runs those. Inputs that are found stay in $(FUZZ_BUILD)/corpus;
# what fails lies beside them.
FUZZ_BUILD := build-fuzz
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined
FUZZERS    := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/%)
fuzz:
	@$(MAKE) --no-print-directory fuzzers BUILD=$(FUZZ_BUILD) CC="$(or $(FUZZ_CC),clang-14)" \
	    CFLAGS="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link"
	@FUZZ="$(FUZZ)" TIME="$(TIME)" RUNS="$(RUNS)" tests/fuzz/run.sh $(FUZZ_BUILD)

fuzzers: $(FUZZERS)

$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c $(FUZZ_HELP) $(BUILD)/librimshot.a
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_HELP) $(BUILD)/librimshot.a $(ALL_LDLIBS)

# Makes the kept inputs that are binary anew, for when a format's version was raised.
fuzz-seeds: $(BUILD)/fuzz-seeds
	@$(BUILD)/fuzz-seeds tests/fuzz/corpus

$(BUILD)/fuzz-seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(FUZZ_HELP) $(BUILD)/librimshot.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(ALL_LDLIBS)

# Every call of the system and for memory that fails, in every command; FAULTS="--case train --kind
# read" tries those (tests/faults/faults.py). Then N kills and losses of power (tests/kills/kills.py).
FAULT_SO  := $(BUILD)/tests/faults/fault.so
N         ?= 1000
faults: $(BUILD)/rimshot $(FAULT_SO)
	@python3 tests/faults/faults.py --program $(BUILD)/rimshot --preload $(FAULT_SO) $(FAULTS)

kills: $(BUILD)/rimshot $(FAULT_SO)
	@python3 tests/kills/kills.py --program $(BUILD)/rimshot --preload $(FAULT_SO) --kills $(N) $(KILLS)

$(BUILD)/tests/kills/test_kills $(BUILD)/tests/faults/test_faults: $(FAULT_SO)

$(FAULT_SO): tests/faults/fault.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -g -fPIC -shared -o $@ $< -ldl -pthread

# Like that, for a test that makes reads of a named file fail (tests/fail_reads.h).
READS_SO  := $(BUILD)/tests/fail_reads.so
$(BUILD)/tests/cli/test_unread: $(READS_SO)

$(READS_SO): tests/fail_reads.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -g -I. -fPIC -shared -o $@ $< -ldl

# All tests with the address and undefined-behaviour sanitizers, and those that use threads with
# the thread sanitizer.
THREADED  := base/test_parallel nn/classifiers/test_classifier nn/test_network data/test_clips data/test_batch train/test_experiment \
             infer/test_rimshot
asan      := -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize:
	@LSAN_OPTIONS="suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0" \
	    $(MAKE) --no-print-directory test BUILD=build-asan \
	    CFLAGS="-O1 -g -fno-omit-frame-pointer $(asan)"
	@$(MAKE) --no-print-directory test BUILD=build-tsan CFLAGS="-O1 -g -fsanitize=thread" \
	    TEST="$(THREADED)"

# Tests under valgrind, which knows no AVX-512; TEST="base/test_yaml" runs those. Programs of shell
# scripts and those that start the program run outside it. tests/valgrind.supp is of libraries alone.
MEMCHECK  := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
             --suppressions=tests/valgrind.supp
CHECKED   := $(if $(TEST),$(CHOSEN),$(filter-out $(BUILD)/tests/cli/%,$(TEST_SRC:%.c=$(BUILD)/%)))
.PHONY: valgrind
valgrind: $(CHECKED)
	@BUILD=$(BUILD) UNDER="$(MEMCHECK)" RIMSHOT_LEVEL=v3 OPENBLAS_CORETYPE=Haswell CK_DEFAULT_TIMEOUT=600 \
	    tests/run.sh $(CHECKED)

# Which lines the tests run: of each folder, of what parses input, of all. Fails below the shares that
# tests/coverage.py names; COVERAGE=--lines lists what was not run.
.PHONY: coverage
coverage:
	@$(MAKE) --no-print-directory test BUILD=build-coverage \
	    CFLAGS="-O1 -g --coverage -fprofile-update=atomic -Wno-maybe-uninitialized \
	    -include tests/coverage.h" || true
	@python3 tests/coverage.py build-coverage $(COVERAGE)

# clang-tidy and cppcheck over all sources, or FILES="base/csv.c": what they find is printed, and fails.
FILES     := $(SOURCES) $(KERNELS) $(wildcard cli/*.c)
.PHONY: analyze
analyze: export ANALYZE_CFLAGS = $(filter-out -f% -O% -g -U% -D_FORTIFY%,$(ALL_CFLAGS)) \
                                 $(call level_cflags,$(lastword $(LEVELS)))
analyze: $(PROTO_C)
	@tests/analyze.sh $(FILES)

# What stands in the repository, made from the program's own tables.
PAGES     := $(wildcard docs/man/*)
docs: $(BUILD)/rimshot
	@rm -rf docs/man
	@$(BUILD)/rimshot help --man-pages docs/man
	@$(BUILD)/rimshot help config --markdown >docs/config.md

FORMATTED := $(wildcard $(foreach d,$(LIBRARY) cli,$(d)/*.[ch] tests/$(d)/*.[ch]) tests/*.[ch] tests/bench/*.[ch] tests/extend/*.[ch] \
             tests/fuzz/*.[ch] tests/faults/*.[ch] tests/mcu/*.[ch]) \
             $(TEMPLATES)
CLANG_FORMAT ?= clang-format-14
format:
	@$(CLANG_FORMAT) -i $(FORMATTED)

# What the tests in tests/tree check, shown in the form of a compiler's messages.
lint:
	@$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)
	@tests/lint.sh

# One line for each target worth knowing.
help:
	@echo "make [all]        build/rimshot and the libraries"
	@echo "make demo         install what is missing, build, train on real drum kits"
	@echo "make model        train the model of models/ anew, on packages that it installs (230 MB)"
	@echo "make check        install what is missing, build, run all tests"
	@echo "make test TEST=   run all tests, or those named: TEST=\"nn/test_network cli/test_cli\""
	@echo "make install      into PREFIX=/usr/local (DESTDIR=, LIBDIR=); make uninstall"
	@echo "make deb          Debian packages in build/deb"
	@echo "make matrix       tests of equal bits under all kernels; make check-python; make sanitize"
	@echo "make check-mcu    a model's C header on a Cortex-M33 under QEMU"
	@echo "make fuzz TIME=60 fuzz everything that reads files"
	@echo "make faults kills make every call fail, and kill commands at any moment"
	@echo "make bench        measure speed, beside PyTorch where it is"
	@echo "make docs         manual pages and docs/config.md from the program's tables"
	@echo "make lint format  check, or mend, form and folders"
	@echo "make clean        remove build"

folders:
	@echo $(LIBRARY) cli
print-%:
	@echo $($*)

demo:
	@tests/setup.sh demo
	@$(MAKE) -j$$(nproc) --no-print-directory all
	@$(BUILD)/rimshot train configs/demo.yaml --out runs/demo --overwrite
	@$(BUILD)/rimshot data synth runs/demo-sounds --per-class 1 --seed 2 --overwrite --quiet
	@echo; echo "Synthesised sounds, heard by the model just trained:"
	@$(BUILD)/rimshot classify runs/demo runs/demo-sounds --quiet
	@echo; echo "The same, heard by the model that comes with rimshot, which knows such sounds:"
	@$(BUILD)/rimshot classify runs/demo-sounds --quiet

# Trains the models of models/ anew: the same bytes with the same kernels (models/README.md).
model:
	@tests/setup.sh model
	@$(MAKE) -j$$(nproc) --no-print-directory FLUIDSYNTH=1 BUILD=$(BUILD)-model $(BUILD)-model/rimshot
	@$(BUILD)-model/rimshot train configs/model.yaml --out runs/model --overwrite
	@$(BUILD)-model/rimshot refuse runs/model/model.h5 runs/model --lose 0.05 --out models/rimshot.h5
	@$(BUILD)-model/rimshot train configs/small.yaml --out runs/small --overwrite
	@$(BUILD)-model/rimshot refuse runs/small/model.h5 runs/model --lose 0.05 --out models/small.h5

LIBDIR    ?= $(PREFIX)/lib
define PKG_CONFIG
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(PREFIX)/include

Name: rimshot
Description: Trained drum-sample classifiers
Version: $(VERSION)
Cflags: -I$${includedir}
Libs: -L$${libdir} -lrimshot
Libs.private: $(shell pkg-config --libs $(LIB_PACKAGES) 2>/dev/null) $(LIBRARIES) -lm -pthread
endef
export PKG_CONFIG

# find_package(rimshot) in CMake: the target rimshot::rimshot.
define CMAKE_CONFIG
set(rimshot_VERSION $(VERSION))
if(NOT TARGET rimshot::rimshot)
    add_library(rimshot::rimshot SHARED IMPORTED)
    set_target_properties(rimshot::rimshot PROPERTIES
        IMPORTED_LOCATION "$(LIBDIR)/librimshot.so"
        IMPORTED_SONAME "librimshot.so.0"
        INTERFACE_INCLUDE_DIRECTORIES "$(PREFIX)/include")
endif()
endef
export CMAKE_CONFIG
define CMAKE_VERSION
set(PACKAGE_VERSION $(VERSION))
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
endef
export CMAKE_VERSION

install-lib: $(BUILD)/lib/librimshot.a $(BUILD)/librimshot.so
	@install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/rimshot $(DESTDIR)$(PREFIX)/include
	@install -m 644 infer/rimshot.h $(DESTDIR)$(PREFIX)/include
	@install -m 644 $(BUILD)/lib/librimshot.a $(DESTDIR)$(LIBDIR)
	@install -m 644 $(BUILD)/librimshot.so $(DESTDIR)$(LIBDIR)/librimshot.so.$(VERSION)
	@ln -sf librimshot.so.$(VERSION) $(DESTDIR)$(LIBDIR)/librimshot.so.0
	@ln -sf librimshot.so.0 $(DESTDIR)$(LIBDIR)/librimshot.so
	@echo "$$PKG_CONFIG" >$(DESTDIR)$(LIBDIR)/pkgconfig/rimshot.pc
	@echo "$$CMAKE_CONFIG" >$(DESTDIR)$(LIBDIR)/cmake/rimshot/rimshot-config.cmake
	@echo "$$CMAKE_VERSION" >$(DESTDIR)$(LIBDIR)/cmake/rimshot/rimshot-config-version.cmake

MANDIR    := $(PREFIX)/share/man
SHAREDIR  := $(PREFIX)/share/rimshot
# Where each shell looks for completions.
BASH_DIR  := $(PREFIX)/share/bash-completion/completions
ZSH_DIR   := $(PREFIX)/share/zsh/vendor-completions
FISH_DIR  := $(PREFIX)/share/fish/vendor_completions.d
CONFIG_DIRS := $(sort $(dir $(wildcard configs/*.yaml configs/*/*.yaml configs/*/*/*.yaml)))

install: all install-lib
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	@install -d $(CONFIG_DIRS:%=$(DESTDIR)$(SHAREDIR)/%)
	@install -m 755 $(BUILD)/rimshot $(DESTDIR)$(PREFIX)/bin
	@install -m 644 $(filter %.1,$(PAGES)) $(DESTDIR)$(MANDIR)/man1
	@install -m 644 $(filter %.5,$(PAGES)) $(DESTDIR)$(MANDIR)/man5
	@for d in $(CONFIG_DIRS); do install -m 644 $$d/*.yaml $(DESTDIR)$(SHAREDIR)/$$d || exit 1; done
	@install -D -m 644 cli/completion/rimshot.bash $(DESTDIR)$(BASH_DIR)/rimshot
	@install -D -m 644 cli/completion/_rimshot $(DESTDIR)$(ZSH_DIR)/_rimshot
	@install -D -m 644 cli/completion/rimshot.fish $(DESTDIR)$(FISH_DIR)/rimshot.fish
	@install -d $(DESTDIR)$(SHAREDIR)/models
	@install -m 644 models/rimshot.h5 models/small.h5 models/README.md $(DESTDIR)$(SHAREDIR)/models

uninstall:
	@rm -f $(DESTDIR)$(PREFIX)/bin/rimshot $(DESTDIR)$(PREFIX)/include/rimshot.h \
	    $(patsubst docs/man/%,$(DESTDIR)$(MANDIR)/man1/%,$(filter %.1,$(PAGES))) \
	    $(patsubst docs/man/%,$(DESTDIR)$(MANDIR)/man5/%,$(filter %.5,$(PAGES))) \
	    $(addprefix $(DESTDIR)$(LIBDIR)/,librimshot.a librimshot.so librimshot.so.0 \
	        librimshot.so.$(VERSION) pkgconfig/rimshot.pc) \
	    $(DESTDIR)$(BASH_DIR)/rimshot $(DESTDIR)$(ZSH_DIR)/_rimshot $(DESTDIR)$(FISH_DIR)/rimshot.fish
	@rm -rf $(DESTDIR)$(SHAREDIR) $(DESTDIR)$(LIBDIR)/cmake/rimshot

# Debian packages (program, library, development files) in $(BUILD)/deb, checked by lintian where it is.
deb:
	@tests/setup.sh deb
	@BUILD=$(BUILD) VERSION=$(VERSION) packaging/deb.sh

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all test check check-python check-mcu matrix networks bench fuzz fuzzers fuzz-seeds faults kills demo model docs folders format lint sanitize install install-lib uninstall deb help clean
.SECONDARY:
.DELETE_ON_ERROR:
