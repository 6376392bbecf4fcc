package smsnotifier_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

func sentTo(leadID string) recovery.Event {
	return recovery.Event{Kind: recovery.EventMessageSent, Channel: recovery.ChannelSMS, Message: recovery.MessageResetCode, LeadID: leadID}
}

func resetOf(leadID string) recovery.Event {
	return recovery.Event{Kind: recovery.EventPasswordReset, LeadID: leadID}
}

// alarms is a ConversionMonitor with the defaults, and the alarms that it
// raised.
func alarms(t *testing.T, edit func(o *smsnotifier.ConversionOptions)) (*smsnotifier.ConversionMonitor, *[]smsnotifier.ConversionReport) {
	t.Helper()
	var raised []smsnotifier.ConversionReport
	opts := smsnotifier.ConversionOptions{Alarm: func(_ context.Context, r smsnotifier.ConversionReport) { raised = append(raised, r) }}
	if edit != nil {
		edit(&opts)
	}
	c, err := smsnotifier.NewConversionMonitor(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c, &raised
}

// A57: many messages and few resets are the sign of SMS pumping.
func TestConversion_A57(t *testing.T) {
	for _, tt := range []struct {
		name       string
		sent, done int // in the first minutes
		want       int // alarms, after patience has run out
	}{
		{"nobody completes", 20, 0, 1},
		{"one in five completes", 20, 4, 0},
		{"fewer complete", 20, 3, 1},
		{"too few to tell", 19, 0, 0},
		{"a flood", 12_000, 5, 1},
		{"a busy day of people", 500, 400, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, raised := alarms(t, nil)
				for i := range tt.sent {
					c.Record(t.Context(), sentTo(fmt.Sprint("lead", i)))
				}
				time.Sleep(5 * time.Minute)
				for i := range tt.done {
					c.Record(t.Context(), resetOf(fmt.Sprint("lead", i)))
				}
				time.Sleep(10*time.Minute - 1)
				c.Record(t.Context(), recovery.Event{Kind: recovery.EventMessageSuppressed})
				if len(*raised) != 0 {
					t.Errorf("raised before people had their time: %v", *raised)
				}
				time.Sleep(time.Nanosecond)
				// The alarm is raised even if nothing is sent any more, because
				// the budget is spent.
				c.Record(t.Context(), recovery.Event{Kind: recovery.EventMessageSuppressed})
				if len(*raised) != tt.want {
					t.Fatalf("raised %v, want %d", *raised, tt.want)
				}
				want := smsnotifier.ConversionReport{Sent: min(tt.sent, 10_000), Converted: tt.done, Window: time.Hour}
				if got := c.Report(); got != want {
					t.Errorf("reports %+v, want %+v", got, want)
				}
				if tt.want == 1 && (*raised)[0] != want {
					t.Errorf("raised %+v, want %+v", (*raised)[0], want)
				}
			})
		})
	}
}

func TestConversionCountsWhatCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := alarms(t, nil)
		other := func(edit func(e *recovery.Event)) {
			e := sentTo("other")
			edit(&e)
			c.Record(t.Context(), e)
		}
		other(func(e *recovery.Event) { e.Channel = recovery.ChannelEmail })
		other(func(e *recovery.Event) { e.Message = recovery.MessagePasswordChanged })
		other(func(e *recovery.Event) { e.Message = recovery.MessageNoPassword })
		other(func(e *recovery.Event) { e.Kind = recovery.EventTokenIssued })
		other(func(e *recovery.Event) { e.Message = recovery.MessageResetLink })
		// Whoever asks three times and then resets the password is a person.
		for range 3 {
			c.Record(t.Context(), sentTo("anna"))
		}
		c.Record(t.Context(), resetOf("anna"))
		c.Record(t.Context(), resetOf("somebody by mail"))
		time.Sleep(15 * time.Minute)
		if got, want := c.Report(), (smsnotifier.ConversionReport{Sent: 4, Converted: 3, Window: time.Hour}); got != want {
			t.Errorf("reports %+v, want %+v", got, want)
		}
		time.Sleep(time.Hour)
		if got := c.Report(); got.Sent != 0 {
			t.Errorf("reports %+v after the window", got)
		}
	})
}

// A57: each message counts for the whole Window, which begins when the people
// have had their time. Patience may be longer than Window.
func TestConversionCountsForTheWholeWindow_A57(t *testing.T) {
	for _, patience := range []time.Duration{15 * time.Minute, time.Hour, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := alarms(t, func(o *smsnotifier.ConversionOptions) { o.Window, o.Patience = time.Hour, patience })
			c.Record(t.Context(), sentTo("lead"))
			for _, step := range []struct {
				pause time.Duration
				want  int
			}{{patience - 1, 0}, {1, 1}, {time.Hour - 1, 1}, {1, 0}} {
				time.Sleep(step.pause)
				if got := c.Report(); got.Sent != step.want {
					t.Errorf("Patience %v: %v later %d messages count, want %d", patience, step.pause, got.Sent, step.want)
				}
			}
		})
	}
}

// An operator switches off an alarm that is raised all night.
func TestConversionAlarmsOncePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, raised := alarms(t, func(o *smsnotifier.ConversionOptions) { o.MinSent = 1 })
		for range 180 {
			c.Record(t.Context(), sentTo("lead"))
			time.Sleep(time.Minute)
		}
		// The first alarm is raised after 15 minutes, the others an hour apart.
		if len(*raised) != 3 {
			t.Errorf("raised %d times in three hours, want 3", len(*raised))
		}
	})
}

func TestConversionIsSafeForConcurrentUse(t *testing.T) {
	var c *smsnotifier.ConversionMonitor
	c, err := smsnotifier.NewConversionMonitor(smsnotifier.ConversionOptions{
		Window: time.Minute, Patience: time.Minute,
		Alarm: func(context.Context, smsnotifier.ConversionReport) { c.Report() }, // works because no lock is held
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				c.Record(t.Context(), sentTo(fmt.Sprint(i, j)))
				c.Record(t.Context(), resetOf(fmt.Sprint(i, j)))
			}
		})
	}
	wg.Wait()
}
