package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/report"
)

// forecastChart draws the recent past and the forecast: the mean as a line, the outermost quantiles as
// a band.
func forecastChart(past arrivals.Trace, r forecastOutput, levels []float64) report.Chart {
	past = past.Slice(past.End().Add(-4*time.Duration(len(r.Points))*past.Step), past.End())
	observed := report.Series{Name: "observed", X: report.TimeGrid(past.Start, past.Step, past.Len()), Y: past.Rate}
	low, high := levelKey(slices.Min(levels)), levelKey(slices.Max(levels))
	mean := report.Series{Name: "forecast (" + r.Model + ")"}
	band := report.Band{Name: fmt.Sprintf("quantiles %s to %s", low, high), Of: mean.Name}
	for _, p := range r.Points {
		x := report.Seconds(p.Time)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, float64(p.Mean))
		band.X = append(band.X, x)
		band.Lo, band.Hi = append(band.Lo, float64(p.Quantiles[low])), append(band.Hi, float64(p.Quantiles[high]))
	}
	return report.Chart{
		Title:  "Arrival rate, observed and forecast",
		X:      report.Axis{Label: "time (UTC)", Time: true},
		Y:      report.Axis{Label: "requests per second"},
		Series: []report.Series{observed, mean},
		Bands:  []report.Band{band},
		Marks:  []report.Mark{{X: report.Seconds(past.End()), Label: "now"}},
	}
}
