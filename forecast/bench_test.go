package forecast

import (
	"fmt"
	"testing"
	"time"
)

const fortnight = 14 * 1440

func benchSeries() Series { return series(time.Minute, daily(fortnight, 1440, 5, 1)...) }

func BenchmarkAutoFit(b *testing.B) {
	s := benchSeries()
	b.Run(fmt.Sprintf("n=%d", fortnight), func(b *testing.B) {
		for b.Loop() {
			mustFit(b, Auto{Horizon: 30, Window: 5}, s)
		}
	})
}

func BenchmarkFit(b *testing.B) {
	s := benchSeries()
	for _, m := range Candidates(s.Step, fortnight, 30) {
		if m.Name == "holt-winters-1w" {
			continue // needs more than a fortnight
		}
		b.Run(fmt.Sprintf("model=%s/n=%d", m.Name, fortnight), func(b *testing.B) {
			for b.Loop() {
				mustFit(b, m, s)
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := benchSeries()
	for _, horizon := range []int{15, 60} {
		b.Run(fmt.Sprintf("horizon=%d", horizon), func(b *testing.B) {
			f := mustFit(b, HoltWinters{Season: 1440, Horizon: horizon}, s)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f.Update(s.Values[i%fortnight], nil)
				i++
			}
		})
	}
}

func BenchmarkMaxQuantile(b *testing.B) {
	s := benchSeries()
	f := mustFit(b, HoltWinters{Season: 1440, Horizon: 30}, s)
	for _, to := range []int{5, 15} {
		b.Run(fmt.Sprintf("window=2..%d", to), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Forecast(to).MaxQuantile(2, to, 0.95)
			}
		})
	}
}

func BenchmarkBlend(b *testing.B) {
	// 14 days of one-minute points; the week is used as its day-by-day history, since two weeks end here.
	s := benchSeries()
	b.Run(fmt.Sprintf("fit/n=%d/horizon=60", fortnight), func(b *testing.B) {
		for b.Loop() {
			mustFit(b, Blend{Horizon: 60, Window: 5}, s)
		}
	})
	f := mustFit(b, Blend{Horizon: 60, Window: 5}, s)
	i := 0
	b.Run("update/horizon=60", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Update(s.Values[i%fortnight], nil)
			i++
		}
	})
	b.Run("path/steps=60", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := f.Forecast(60)
			for k := 1; k <= 60; k++ {
				d.Quantile(k, 0.95)
			}
		}
	})
}
