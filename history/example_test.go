package history_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/prescale/prescale/history"
)

func ExamplePrometheus_Fetch() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[
			{"metric":{},"values":[[1772452680,"48.5"],[1772452800,"52"]]}]}}`)
	}))
	defer server.Close()

	source, err := history.NewPrometheus(history.PrometheusOptions{
		URL:   server.URL,
		Query: `sum(rate(http_requests_total{service="shop"}[1m]))`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	found, err := source.Fetch(context.Background(), noon.Add(-3*time.Minute), noon)
	if errors.Is(err, history.ErrNoData) {
		fmt.Println("nothing recorded")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	end, rate, _ := found.Trace.LastObserved()
	fmt.Println(found.Trace.Rate)
	fmt.Println("data time", end.Format(time.TimeOnly), "at", rate, "requests/s")
	// Output:
	// [48.5 NaN 52]
	// data time 12:00:00 at 52 requests/s
}
