# jcall - one plain Makefile. `make help` lists what it can do.
#
# Set by packagers: CC CFLAGS CPPFLAGS LDFLAGS PREFIX BINDIR MANDIR DOCDIR DATADIR UNITDIR BASHDIR ZSHDIR FISHDIR DESTDIR PKG_CONFIG
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/jcall
DATADIR    ?= $(PREFIX)/share/jcall
UNITDIR    ?= $(PREFIX)/lib/systemd/user
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
MODE       ?= release
B          ?= build/$(MODE)
VERSION    := $(shell sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG 2>/dev/null | head -1)

PKGS := glib-2.0 gio-2.0 gio-unix-2.0 libstrophe nice opus portaudio-2.0 libsrtp2 openssl sndfile speexdsp json-glib-1.0 libidn2

# ---- flags ------------------------------------------------------------------------------------------------------
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq (,$(filter x86_64 i686,$(shell uname -m)))
HARDEN += -fcf-protection=full
endif
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
          -Wwrite-strings -Wpointer-arith -Wundef -Wvla -Wformat=2 -Wno-unused-parameter
ifdef WERROR
WARN   += -Werror
endif
CFLAGS ?= -O2 -g
SANFLAGS_release :=
SANFLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANFLAGS_fuzz := $(SANFLAGS_asan) -fsanitize=fuzzer-no-link
ifeq ($(MODE),release)
HARDEN_USED := $(HARDEN)
LINKHARD    := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
else
HARDEN_USED := -fPIE
LINKHARD    := -pie
endif
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lm -lpthread
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DJCALL_VERSION='"$(VERSION)"' -DG_LOG_DOMAIN='"jcall"' $(WARN) $(HARDEN_USED) \
             $(SANFLAGS_$(MODE)) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LINKHARD) $(SANFLAGS_$(MODE)) $(LDFLAGS)

# ---- quiet by default, V=1 shows the commands -------------------------------------------------------------------
Q := $(if $(V),,@)
say = @printf '  %-5s %s\n' $(1) $(2)

# ---- the program ------------------------------------------------------------------------------------------------
SRCS  := $(sort $(wildcard src/*.c src/*/*.c))
OBJS  := $(SRCS:src/%.c=$(B)/%.o)
LIBO  := $(filter-out $(B)/main.o,$(OBJS))
UNIT  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/t_*.c)))
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/*.c)))
FUZZ  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

all: $(B)/jcall

$(B)/jcall: $(B)/main.o $(B)/libjcall.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libjcall.a: $(LIBO)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$(B)/%.o: src/%.c | pkgs
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Object files of one test helper library, shared by the unit tests. What includes fake_stream.h, and fake_stream.c itself, stands
# in for xmpp/stream.c: it is linked, before the library, only into programs that include such a header.
TESTLIBC := $(sort $(wildcard tests/unit/lib/*.c))
FAKEC    := $(shell grep -lF '"fake_stream.h"' $(TESTLIBC))
FAKEH    := fake_stream.h $(notdir $(shell grep -lF '"fake_stream.h"' tests/unit/lib/*.h))
FAKED    := $(shell grep -lF $(FAKEH:%=-e '"%"') tests/unit/t_*.c tests/fuzz/fuzz_*.c)
TESTLIBO := $(patsubst tests/unit/lib/%.c,$(B)/tests/lib/%.o,$(filter-out $(FAKEC),$(TESTLIBC)))
FAKEO    := $(patsubst tests/unit/lib/%.c,$(B)/tests/lib/%.o,$(FAKEC))
$(B)/tests/lib/%.o: tests/unit/lib/%.c | pkgs
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -MMD -MP -c -o $@ $<

# The implementation that ours is held against.
$(B)/tests/t_dtls_gnutls: OTHERS := -lgnutls
$(B)/tests/%: tests/unit/%.c $(TESTLIBO) $(FAKEO) $(B)/libjcall.a
	$(Q)mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -Itests/unit/lib -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(if $(filter $<,$(FAKED)),$(FAKEO)) \
	  $(TESTLIBO) $(B)/libjcall.a $(PKG_LIBS) -lcmocka $(OTHERS)

# The simulated call of the unit tests is measured with, too.
SIMO := $(addprefix $(B)/tests/lib/,sim.o fake_net.o fake_audio.o)
$(B)/bench/%: tests/bench/%.c $(SIMO) $(B)/libjcall.a
	$(Q)mkdir -p $(@D)
	$(call say,BENCH,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -Itests/unit/lib -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(SIMO) $(B)/libjcall.a $(PKG_LIBS)

# Without clang's libFuzzer (MODE=fuzz, tests/fuzz/run) the fuzzers are built with a driver that replays the corpus: `make check`
# always runs them.
DRIVER := $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer,tests/fuzz/replay.c)
$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/tests/lib/fake_stream.o $(B)/libjcall.a
	$(Q)mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -Itests/unit/lib -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(DRIVER) \
	  $(if $(filter $<,$(FAKED)),$(B)/tests/lib/fake_stream.o) $(B)/libjcall.a $(PKG_LIBS)

# The wide area network of tests/net. It is no part of the program, and links nothing of it.
$(B)/net/wan: $(wildcard tests/net/*.[ch]) | pkgs
	$(Q)mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(shell $(PKG_CONFIG) --libs glib-2.0) -lm

-include $(OBJS:.o=.d) $(TESTLIBO:.o=.d) $(FAKEO:.o=.d) $(UNIT:=.d) $(BENCH:=.d) $(FUZZ:=.d)

.PHONY: pkgs
pkgs:
	@$(PKG_CONFIG) --exists $(PKGS) || { \
	  echo "Libraries are missing: $$($(PKG_CONFIG) --print-errors --exists $(PKGS) 2>&1 | sed -n "s/.*Package '\([^']*\)'.*/\1/p" | sort -u | tr '\n' ' ')"; \
	  echo "Run 'make deps' to install them."; exit 1; }

# ---- everything around it ---------------------------------------------------------------------------------------
.PHONY: all deps demo check unit integ lint sanitize sanitize-check fuzz bench bench-quality check-interop man-exit-status install uninstall dist clean help
deps:
	$(Q)tests/deps

demo:
	$(Q)tests/deps --run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)JCALL=$(B)/jcall tests/demo

check:
	$(Q)tests/deps --test
	$(Q)$(MAKE) --no-print-directory WERROR=1 all tests-built
	$(Q)$(PYTHON) tests/run --build $(B) lint unit fuzz integ net-quick

# Calls over bad networks: all of tests/net, and every pair of routers. It takes ten minutes.
.PHONY: check-net
check-net: all $(B)/net/wan
	$(Q)tests/deps --test
	$(Q)$(PYTHON) tests/run --build $(B) net
	$(Q)JCALL=$(B)/jcall tests/net/matrix || [ $$? = 77 ]

unit: tests-built
	$(Q)$(PYTHON) tests/run --build $(B) unit
integ: all
	$(Q)$(PYTHON) tests/run --build $(B) integ
lint: all
	$(Q)$(PYTHON) tests/run --build $(B) lint

.PHONY: tests-built
tests-built: $(UNIT) $(FUZZ) $(B)/net/wan

sanitize:
	$(Q)$(MAKE) --no-print-directory MODE=asan CFLAGS='-O1 -g' all
sanitize-check:
	$(Q)tests/deps --test
	$(Q)$(MAKE) --no-print-directory MODE=asan CFLAGS='-O1 -g' WERROR=1 all tests-built
	$(Q)$(PYTHON) tests/run --build build/asan unit fuzz integ net-quick

# Coverage-guided fuzzing with clang, so long for each fuzzer, e.g. make fuzz SECONDS=600, or with FUZZERS="fuzz_phone fuzz_dtls"
SECONDS ?= 60
fuzz:
	$(Q)tests/deps --fuzz
	$(Q)tests/fuzz/run $(SECONDS) $(FUZZERS)

bench: all $(BENCH)
	$(Q)tests/deps --test
	$(Q)$(PYTHON) tests/bench/run --build $(B)

# What is heard through bad networks, in a simulated call; beside it the bound that an ideal buffer sets.
bench-quality: $(B)/bench/heard
	$(Q)tests/deps --test
	$(Q)$(PYTHON) tests/bench/quality --build $(B)

# Calls with other clients, e.g. make check-interop INTEROP='-k dino -n 20'
INTEROP ?=
check-interop:
	$(Q)tests/deps --interop
	$(Q)$(MAKE) --no-print-directory WERROR=1 all
	$(Q)JCALL=$(abspath $(B)/jcall) $(PYTHON) tests/interop/run $(INTEROP)

# The exit status list of man/jcall.1, from src/err.def; tests/lint compares.
man-exit-status:
	$(Q)tests/lint/exit-status --write

# What is installed, as FROM:TO; who may execute FROM may execute TO.
UNITS     := jcall-answer.service jcall-answer@.service
INSTALLED  = $(B)/jcall:$(BINDIR)/jcall \
             $(foreach f,$(wildcard man/*.[1-9]),$(f):$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
             $(foreach f,README CHANGELOG config.example,$(f):$(DOCDIR)/$(f)) \
             $(foreach f,$(shell find examples -type f ! -path '*/.*' ! -name '*.pyc' 2>/dev/null),$(f):$(DOCDIR)/$(f)) \
             $(foreach f,$(wildcard share/*),$(f):$(DATADIR)/$(notdir $(f))) \
             $(foreach f,$(UNITS),$(B)/systemd/$(f):$(UNITDIR)/$(f)) \
             $(foreach f,$(wildcard completions/*bash),$(f):$(BASHDIR)/jcall) \
             $(foreach f,$(wildcard completions/*zsh completions/_jcall),$(f):$(ZSHDIR)/_jcall) \
             $(foreach f,$(wildcard completions/*fish),$(f):$(FISHDIR)/jcall.fish)

# One text for both units: for the first account, and for the account that the instance names.
.PHONY: units
units: systemd/jcall-answer.service.in
	$(Q)mkdir -p $(B)/systemd
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|; s|@OF_INSTANCE@||; s|@WHOSE@|your XMPP account|; s|@ACCOUNT@||' $< >$(B)/systemd/jcall-answer.service
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|; s|@OF_INSTANCE@| NAME (jcall-answer@NAME)|; s|@WHOSE@|your XMPP account %i|' \
	  -e 's|@ACCOUNT@| --account=%i|' $< >$(B)/systemd/jcall-answer@.service

install: all units
	$(Q)for pair in $(INSTALLED); do \
	  from=$${pair%%:*}; to=$(DESTDIR)$${pair#*:}; mode=644; if [ -x "$$from" ]; then mode=755; fi; \
	  echo "  INSTALL $$to"; install -D -m $$mode "$$from" "$$to" || exit 1; done

uninstall:
	rm -f $(foreach pair,$(INSTALLED),$(DESTDIR)$(word 2,$(subst :, ,$(pair))))
	rm -rf $(DESTDIR)$(DOCDIR) $(DESTDIR)$(DATADIR)

# A Debian package of the tree as it is, in build/deb. The unit tests are for `make check`, and for who builds it elsewhere.
DEB := build/deb/jcall-$(VERSION)
.PHONY: deb check-deb
deb:
	$(Q)tests/deps --deb
	$(Q)rm -rf build/deb && mkdir -p $(DEB)
	$(Q)tar -c --exclude=./build --exclude=./.git . | tar -x -C $(DEB)
	$(Q)debian/make-changelog >$(DEB)/debian/changelog
	$(Q)cd $(DEB) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL DEB_BUILD_PROFILES=nocheck \
	  DEB_BUILD_OPTIONS="nocheck parallel=$$(nproc)" dpkg-buildpackage --build=binary --no-sign >../build.log 2>&1 \
	  || { tail -30 ../build.log; exit 1; }
	$(Q)rm -rf $(DEB)
	@ls build/deb/*.deb

check-deb: deb
	$(Q)tests/deb

dist:
	git archive --prefix=jcall-$(VERSION)/ -o jcall-$(VERSION).tar.gz HEAD

clean:
	rm -rf build

help:
	@echo 'make              build build/release/jcall'
	@echo 'make deps         install what building and testing needs (Debian, Ubuntu; names it elsewhere)'
	@echo 'make demo         install what is missing, build, and hear a real call on this machine'
	@echo 'make check        set up and run all tests'
	@echo 'make check-net    calls over bad networks and through all kinds of routers, in full'
	@echo 'make unit|integ|lint   a part of them'
	@echo 'make sanitize-check    the tests with the address and undefined-behaviour sanitizers'
	@echo 'make check-interop     calls with other clients: Dino, a browser, aiortc'
	@echo 'make bench        measure'
	@echo 'make bench-quality     what is heard through bad networks'
	@echo 'make fuzz SECONDS=600  fuzz everything that others can send, with clang'
	@echo 'make install      PREFIX=/usr/local DESTDIR='
	@echo 'make deb          a Debian package, in build/deb'
	@echo 'make check-deb    the same, tried by lintian and in a clean Debian 12 (needs root, some minutes)'
