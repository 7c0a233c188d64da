package configs

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written 512, 64KiB, 1MiB or 2GiB (powers of 1024).
type Size int64

var errSize = errors.New("must be a size such as 64KiB or 1MiB")

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	digits, factor := string(text), int64(1)
	for _, u := range []struct {
		name   string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}} {
		if d, ok := strings.CutSuffix(digits, u.name); ok {
			digits, factor = strings.TrimSpace(d), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return errSize
	}
	*s = Size(n * factor)
	return nil
}

// String writes the size as it would stand in the file.
func (s Size) String() string {
	for _, u := range []struct {
		name   string
		factor Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= u.factor && s%u.factor == 0 {
			return fmt.Sprintf("%d%s", s/u.factor, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("must be a duration with its unit, such as 90s, 10m or 720h")
	}
	if d < 0 {
		return 0, errors.New("must not be negative")
	}
	return d, nil
}

// parsePrefix reads a range of addresses; an address alone is a range of one.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("must be a range of addresses such as 10.0.0.0/8 or fd00::/8")
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("the range has bits beyond its length; did you mean %s?", p.Masked())
	}
	return p, nil
}
