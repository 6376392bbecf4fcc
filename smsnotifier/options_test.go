package smsnotifier_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// mistakes returns the names of the options that an error reports, in order.
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error is a %T, want a joined one", err)
	}
	var options []string
	for _, e := range joined.Unwrap() {
		o, ok := errors.AsType[*recovery.OptionError](e)
		if !ok {
			t.Fatalf("the error is a %T: %v", e, e)
		}
		options = append(options, o.Option)
	}
	return options
}

// A57: no SMS is sent until the host has set countries and budgets.
func TestNewRefuses(t *testing.T) {
	policy := perDay(10)
	for _, tt := range []struct {
		name string
		edit func(o *smsnotifier.Options)
		want []string
	}{
		{"nothing of a complete configuration", func(*smsnotifier.Options) {}, nil},
		{"no countries", func(o *smsnotifier.Options) { o.Countries = nil }, []string{"Countries"}},
		{"an empty list of countries", func(o *smsnotifier.Options) { o.Countries = map[string]recovery.LimitPolicy{} }, []string{"Countries"}},
		{"no budget", func(o *smsnotifier.Options) { o.Budget = recovery.LimitPolicy{} }, []string{"Budget"}},
		{"a country without a budget", func(o *smsnotifier.Options) { o.Countries["AT"] = recovery.LimitPolicy{} }, []string{"Countries"}},
		{"a country in small letters", func(o *smsnotifier.Options) { o.Countries["at"] = policy }, []string{"Countries"}},
		{"a country by three letters", func(o *smsnotifier.Options) { o.Countries["AUT"] = policy }, []string{"Countries"}},
		{"a calling code for a country", func(o *smsnotifier.Options) { o.Countries["43"] = policy }, []string{"Countries"}},
		{"the world", func(o *smsnotifier.Options) { o.Countries["001"] = policy }, []string{"Countries"}},
		{"any country", func(o *smsnotifier.Options) { o.Countries["*"] = policy; o.Countries["ZZ"] = policy }, []string{"Countries", "Countries"}},
		{"a country that does not exist", func(o *smsnotifier.Options) { o.Countries["XX"] = policy }, []string{"Countries"}},
		{"a budget of none", func(o *smsnotifier.Options) { o.Budget = perDay(0) }, []string{"Budget"}},
		{"a budget of ThenOneEvery alone", func(o *smsnotifier.Options) { o.Budget = recovery.LimitPolicy{ThenOneEvery: time.Hour} }, []string{"Budget"}},
		{"a block of numbers without a window", func(o *smsnotifier.Options) { o.NumberBlock = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1}}} }, []string{"NumberBlock"}},
		{"notices of a year", func(o *smsnotifier.Options) {
			o.Notices = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 365 * 24 * time.Hour}}}
		}, []string{"Notices"}},
		{"a prefix with a colon", func(o *smsnotifier.Options) { o.Prefix = "a:b" }, []string{"Prefix"}},
		{"a prefix too long", func(o *smsnotifier.Options) { o.Prefix = strings.Repeat("a", 33) }, []string{"Prefix"}},
		{"a negative number of segments", func(o *smsnotifier.Options) { o.MaxSegments = -1 }, []string{"MaxSegments"}},
		{"too many segments", func(o *smsnotifier.Options) { o.MaxSegments = 11 }, []string{"MaxSegments"}},
		{"everything at once", func(o *smsnotifier.Options) {
			*o = smsnotifier.Options{Countries: map[string]recovery.LimitPolicy{"de": policy, "FR": {}}, NumberBlock: perDay(-1), MaxSegments: 99}
		}, []string{"Countries", "Countries", "Budget", "NumberBlock", "MaxSegments"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := options()
			tt.edit(&opts)
			n, err := smsnotifier.New(plain, &carrier{}, opts)
			if got := mistakes(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("New: %v, want mistakes in %q", err, tt.want)
			}
			if (n == nil) != (err != nil) {
				t.Errorf("New returned %v and %v", n, err)
			}
		})
	}
}

func TestNewNeedsCollaborators(t *testing.T) {
	for _, tt := range []struct {
		name     string
		renderer smsnotifier.Renderer
		provider smsnotifier.Provider
		want     []string
	}{
		{"no renderer", nil, &carrier{}, []string{"renderer"}},
		{"no provider", plain, nil, []string{"provider"}},
		{"a function that is nil", plain, smsnotifier.ProviderFunc(nil), []string{"provider"}},
		{"neither", nil, nil, []string{"renderer", "provider"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := smsnotifier.New(tt.renderer, tt.provider, options())
			if got := mistakes(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("New: %v, want mistakes in %q", err, tt.want)
			}
		})
	}
}

// Changes to the options after New have no effect.
func TestNewCopiesOptions(t *testing.T) {
	opts := options()
	n, err := smsnotifier.New(plain, &carrier{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Countries["CU"] = perDay(10)
	opts.Countries["DE"].Limits[0].N = 99_999
	opts.Budget.Limits[0].N = 99_999
	if _, err := n.Budgets(t.Context(), code(cuban)); !errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("a country was allowed later: %v", err)
	}
	budgets, err := n.Budgets(t.Context(), code(german))
	if err != nil {
		t.Fatal(err)
	}
	for i := range budgets {
		if got := budgets[i].Policy.Limits[0].N; got != 1000 {
			t.Errorf("the budget %s is %d", budgets[i].Name, got)
		}
		budgets[i].Policy.Limits[0].N = 1
	}
	again, err := n.Budgets(t.Context(), code(german))
	if err != nil || again[0].Policy.Limits[0].N != 1000 || again[1].Policy.Limits[0].N != 1000 || again[2].Policy.Limits[0].N != 1000 {
		t.Errorf("what was returned is what is used: %v, %v", again, err)
	}
}

func TestDefaults(t *testing.T) {
	n, err := smsnotifier.New(plain, &carrier{}, smsnotifier.Options{
		Countries: map[string]recovery.LimitPolicy{"DE": perDay(50)}, Budget: perDay(100),
	})
	if err != nil {
		t.Fatal(err)
	}
	budgets, err := n.Budgets(t.Context(), code(german))
	if err != nil {
		t.Fatal(err)
	}
	got := budgets[2].Policy
	want := []recovery.Limit{{N: 10, Window: time.Hour}, {N: 20, Window: 24 * time.Hour}}
	if !slices.Equal(got.Limits, want) || got.ThenOneEvery != time.Hour {
		t.Errorf("number block: %+v", got)
	}
}

func TestNewConversionRefuses(t *testing.T) {
	alarm := func(context.Context, smsnotifier.ConversionReport) {}
	for _, tt := range []struct {
		name string
		opts smsnotifier.ConversionOptions
		want []string
	}{
		{"nothing of an alarm alone", smsnotifier.ConversionOptions{Alarm: alarm}, nil},
		{"no alarm", smsnotifier.ConversionOptions{}, []string{"Alarm"}},
		{"a share above one", smsnotifier.ConversionOptions{Alarm: alarm, Threshold: 1.1}, []string{"Threshold"}},
		{"a share that is no number", smsnotifier.ConversionOptions{Alarm: alarm, Threshold: math.NaN()}, []string{"Threshold"}},
		{"all ranges", smsnotifier.ConversionOptions{Window: time.Second, Patience: 25 * time.Hour, MinSent: 10_001, Threshold: -1}, []string{"Window", "Patience", "MinSent", "Threshold", "Alarm"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := smsnotifier.NewConversionMonitor(tt.opts)
			if got := mistakes(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("NewConversionMonitor: %v, want mistakes in %q", err, tt.want)
			}
		})
	}
}

func TestOptionErrorsSayWhatIsWrong(t *testing.T) {
	opts := options()
	opts.Countries["DE"] = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 0, Window: time.Hour}}}
	opts.Countries["United Kingdom"] = perDay(1)
	_, err := smsnotifier.New(plain, &carrier{}, opts)
	for _, want := range []string{"the budget of DE: N is 0, must be 1 to 100,000", `"United K`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}
