// Package externalmetrics is the Kubernetes edge of prescale. A [Loop] per scaler reads the arrivals,
// keeps a forecast up to date and decides; [Provider] publishes the decisions as external metrics, which
// an ordinary HorizontalPodAutoscaler reads through the aggregation layer; [Collector] publishes them to
// Prometheus; [Server] is the APIService.
//
// The contract with the HPA: the metric prescale-desired-replicas with the selector scaler=<name>, in
// the HPA's namespace, has exactly one item, whose value is the number of replicas and whose timestamp
// is that of the data behind it. With a target of type AverageValue 1 the HPA asks for just that number.
// An unknown scaler is 404. Where nothing trustworthy is known the answer is 503, which makes the HPA
// keep what runs: a number is never made up, and never served with a newer timestamp than its data.
package externalmetrics
