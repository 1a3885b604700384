import org.codelibs.opensearch.runner.OpenSearchRunner;

/** A single node of OpenSearch: its folder, its port for HTTP, its port for other nodes. */
public class StackOpenSearch {
    public static void main(String[] args) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("http.port", args[1]);
            settings.put("transport.port", args[2]);
            settings.put("network.host", "127.0.0.1");
            settings.put("discovery.type", "single-node");
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            settings.putList("discovery.seed_hosts");
            settings.remove("cluster.initial_cluster_manager_nodes");
        }).build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("stack"));
        Thread.currentThread().join();
    }
}
