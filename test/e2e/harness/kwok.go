package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeName is the one node. Pod templates name it, since no scheduler runs.
const NodeName = "kwok-0"

// StartKwok starts kwok, which plays the kubelet of every node and reports its pods as running and ready, and creates
// the node. It returns when the node is ready.
func StartKwok(tb testing.TB, env *Environment, cluster *ControlPlane) {
	tb.Helper()
	user := cluster.clientConfig(cluster.ClientCA.Client("kwok", "system:masters"))
	env.Start(tb, "kwok", env.tool("kwok"),
		"--kubeconfig="+cluster.WriteKubeconfig(tb, "kwok", user),
		"--manage-all-nodes=true",
		"--config="+env.tool("kwok-stages.yaml"),
	)

	nodes := cluster.Client.CoreV1().Nodes()
	_, err := nodes.Create(env.Context, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: NodeName}}, metav1.CreateOptions{})
	require.NoError(tb, err)
	env.Eventually(tb, "kwok reports its node as ready", time.Minute, func() error {
		node, err := nodes.Get(env.Context, NodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("node conditions are %v", node.Status.Conditions)
	})
}
