package lint

const (
	leaves = "arrivals forecast queueing hpa"
	pure   = leaves + " planner replay tuning simulator"
)

// stubs are the modules of others that the cases import.
var stubs = []string{
	"github.com/prometheus/common",
	"github.com/spf13/cobra",
	"github.com/stretchr/testify",
	"github.com/yalue/onnxruntime_go",
	"go.uber.org/goleak",
	"golang.org/x/sync",
	"gonum.org/v1/gonum",
	"k8s.io/api",
	"k8s.io/apimachinery",
	"k8s.io/apiserver",
	"k8s.io/client-go",
	"k8s.io/component-base",
	"k8s.io/metrics",
	"pgregory.net/rapid",
	"sigs.k8s.io/custom-metrics-apiserver",
	"sigs.k8s.io/json",
	"sigs.k8s.io/yaml",
}

const (
	allowed   = true
	forbidden = false
)

// imports says what each folder may import. "./x" is a package of ours; a folder that ends in "_test" stands for the
// test files in it.
var imports = []struct {
	allowed        bool
	from, imported string
}{
	{forbidden, "arrivals arrivals_test", "./forecast ./queueing ./hpa ./planner ./report ./history"},
	{forbidden, "forecast forecast_test", "./arrivals ./queueing ./hpa ./planner"},
	{forbidden, "queueing queueing_test", "./arrivals ./forecast ./hpa ./planner"},
	{forbidden, "hpa hpa_test", "./arrivals ./forecast ./queueing ./planner"},
	{forbidden, leaves + " planner", "github.com/spf13/cobra golang.org/x/sync/errgroup k8s.io/api/core/v1"},
	{allowed, "arrivals", "./arrivals/points encoding/csv io math/rand/v2 gonum.org/v1/gonum/stat"},
	{allowed, leaves + " planner", "context errors math sort time gonum.org/v1/gonum/stat"},
	{allowed, "arrivals_test forecast_test queueing_test hpa_test planner_test", "os testing math/rand/v2 " +
		"github.com/stretchr/testify/require pgregory.net/rapid go.uber.org/goleak"},

	{forbidden, pure, "os os/exec os/signal io/ioutil net net/http net/url syscall log log/slog"},
	{forbidden, pure, "math/rand crypto/rand time/tzdata"},
	{forbidden, pure, "github.com/stretchr/testify/require pgregory.net/rapid go.uber.org/goleak"},
	{forbidden, pure, "k8s.io/client-go/kubernetes k8s.io/apiserver/pkg/server github.com/yalue/onnxruntime_go"},

	{allowed, "planner planner_test", "./arrivals ./forecast ./queueing ./hpa"},
	{forbidden, "planner planner_test", "./replay ./tuning ./simulator ./config ./history ./report ./externalmetrics"},
	{allowed, "replay", "./planner ./arrivals ./forecast ./queueing ./hpa golang.org/x/sync/errgroup"},
	{forbidden, "replay", "./tuning ./simulator ./config ./history ./report"},
	{allowed, "tuning", "./replay ./planner ./arrivals ./forecast ./queueing ./hpa golang.org/x/sync/errgroup"},
	{forbidden, "tuning", "./simulator ./config ./history ./report ./externalmetrics"},
	{allowed, "simulator", "./replay ./planner ./hpa ./queueing ./arrivals golang.org/x/sync/errgroup"},
	{forbidden, "simulator", "./tuning ./forecast ./config ./history ./report ./loadgen"},

	{allowed, "report", "html/template os embed"},
	{forbidden, "report", "./planner ./arrivals ./simulator gonum.org/v1/gonum/stat github.com/spf13/cobra"},
	{allowed, "history", "./arrivals net/http log/slog github.com/prometheus/common/model"},
	{forbidden, "history", "./config ./planner ./forecast ./api/v1alpha1 ./externalmetrics k8s.io/client-go/kubernetes"},
	{forbidden, "history history_test cmd/prescale", "math/rand"},
	{allowed, "loadgen", "./arrivals net/http github.com/prometheus/common/model"},
	{forbidden, "loadgen", "./config ./simulator ./history ./report k8s.io/client-go/kubernetes"},
	{allowed, "inference", "github.com/yalue/onnxruntime_go net/http"},
	{forbidden, "inference", "./arrivals ./config ./planner k8s.io/client-go/kubernetes"},

	{allowed, "api/v1alpha1", "k8s.io/api/core/v1 k8s.io/apimachinery/pkg/runtime encoding/json"},
	{forbidden, "api/v1alpha1", "./config ./planner ./arrivals k8s.io/client-go/kubernetes sigs.k8s.io/yaml"},
	{allowed, "config", "./api/v1alpha1 ./planner ./simulator ./loadgen ./queueing ./arrivals ./forecast ./history"},
	{allowed, "config", "sigs.k8s.io/yaml sigs.k8s.io/json k8s.io/apimachinery/pkg/runtime os"},
	{forbidden, "config", "./externalmetrics ./report ./inference k8s.io/client-go/kubernetes github.com/spf13/cobra gonum.org/v1/gonum/stat"},

	{allowed, "externalmetrics", "./api/v1alpha1 ./config ./history ./tuning ./planner ./hpa ./forecast ./arrivals"},
	{allowed, "externalmetrics", "k8s.io/client-go/kubernetes k8s.io/apiserver/pkg/server k8s.io/metrics/pkg " +
		"sigs.k8s.io/custom-metrics-apiserver/pkg/provider github.com/spf13/cobra"},
	{forbidden, "externalmetrics", "./simulator ./loadgen ./inference ./report github.com/yalue/onnxruntime_go"},

	{allowed, "cmd/prescale", "./config ./history ./planner ./report ./simulator ./loadgen os log/slog github.com/spf13/cobra"},
	{forbidden, "cmd/prescale", "./externalmetrics ./inference k8s.io/client-go/kubernetes k8s.io/apiserver/pkg/server"},
	{forbidden, "cmd/prescale", "k8s.io/metrics/pkg k8s.io/component-base/version github.com/stretchr/testify/require " +
		"sigs.k8s.io/custom-metrics-apiserver/pkg/provider github.com/yalue/onnxruntime_go"},
	{allowed, "cmd/prescale-adapter", "./externalmetrics ./config k8s.io/client-go/kubernetes k8s.io/component-base/version"},
	{forbidden, "cmd/prescale-adapter", "github.com/yalue/onnxruntime_go"},
	{allowed, "cmd/kubectl-prescale", "k8s.io/client-go/kubernetes"},
	{allowed, "cmd/prescale-inference", "./inference"},
	{forbidden, "cmd/prescale-inference", "k8s.io/client-go/kubernetes github.com/yalue/onnxruntime_go"},
	{allowed, "test/cluster", "k8s.io/client-go/kubernetes github.com/stretchr/testify/require"},
}

// calls says what the code of each folder may do.
var calls = []struct {
	allowed             bool
	from, imports, code string
}{
	{forbidden, pure, `import "time"`, `_ = time.Now()`},
	{forbidden, pure, `import "time"`, `now := time.Now; _ = now`},
	{forbidden, pure, `import clock "time"`, `_ = clock.Now()`},
	{forbidden, pure, `import "time"`, `_ = time.Since(time.Time{})`},
	{forbidden, pure, `import "time"`, `_ = time.Until(time.Time{})`},
	{forbidden, pure, `import "time"`, `time.Sleep(1)`},
	{forbidden, pure, `import "time"`, `<-time.After(1)`},
	{forbidden, pure, `import "time"`, `_ = time.NewTicker(1)`},
	{forbidden, pure, `import "time"`, `_, _ = time.LoadLocation("Europe/Berlin")`},
	{forbidden, pure, `import "time"`, `_ = time.Time{}.In(time.Local)`},
	{forbidden, pure, `import "time"`, `_ = time.Time{}.Local()`},
	{forbidden, pure, `import "context"`, `_ = context.Background()`},
	{forbidden, pure, `import "context"`, `_ = context.TODO()`},
	{forbidden, pure, `import "context"`, `_, _ = context.WithTimeout(nil, 1)`},
	{forbidden, pure, `import "math/rand/v2"`, `_ = rand.Float64()`},
	{forbidden, pure, `import "math/rand/v2"`, `_ = rand.NormFloat64()`},
	{forbidden, pure, `import "math/rand/v2"`, `_ = rand.IntN(3)`},
	{forbidden, pure, `import "math/rand/v2"`, `_ = rand.N(3)`},
	{forbidden, pure, `import "math/rand/v2"`, `rand.Shuffle(0, nil)`},
	{forbidden, pure, `import "fmt"`, `fmt.Println()`},
	{forbidden, pure, ``, `println()`},
	{allowed, pure, `import "math/rand/v2"`, `_ = rand.New(rand.NewPCG(1, 2)).Float64()`},
	{allowed, pure, `import "time"`, `_ = time.Unix(0, 0).Add(time.Second).UTC()`},
	{allowed, pure, `import "context"`, `var ctx context.Context; _ = ctx`},
	{allowed, pure, `import "fmt"`, `_ = fmt.Errorf("x")`},
	{allowed, "queueing_test planner_test simulator_test", `import "time"`, `_ = time.Now()`},
	{allowed, "history externalmetrics cmd/prescale report config loadgen", `import "time"`, `_ = time.Now()`},
	{allowed, "history externalmetrics cmd/prescale", `import "context"`, `_ = context.Background()`},
}
