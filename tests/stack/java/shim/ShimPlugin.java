package brokerbeat.shim;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.IngestPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.ScriptPlugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.xcontent.ContextParser;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xpack.core.ilm.*;

/**
 * Test-only stand-in for modules that the small distribution lacks: the policy store of x-pack-ilm; listing, removal, settings
 * and {@link Features} of data-streams; the names of the types constant_keyword and match_only_text (which every failure
 * store has a field of); the processors of ingest-common and the conditions of Painless, in {@link Ingest}; what API keys need of analysis-common; and rest-root. It
 * parses with x-pack-core's own classes and never executes a policy.
 */
public class ShimPlugin extends Plugin implements ActionPlugin, AnalysisPlugin, IngestPlugin, MapperPlugin, ScriptPlugin {
    private final Ingest ingest = new Ingest();
    private ClusterService cluster;

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        return List.of();
    }

    @Override
    public List<Setting<?>> getSettings() {
        return List.of(
            LifecycleSettings.LIFECYCLE_POLL_INTERVAL_SETTING,
            LifecycleSettings.LIFECYCLE_NAME_SETTING,
            LifecycleSettings.LIFECYCLE_INDEXING_COMPLETE_SETTING,
            RolloverAction.LIFECYCLE_ROLLOVER_ALIAS_SETTING,
            timeWindow("index.look_ahead_time", "30m"),
            timeWindow("index.look_back_time", "2h"));
    }

    /** Accepted as the data-streams module accepts it; nothing here acts on it. */
    private static Setting<?> timeWindow(String name, String value) {
        return Setting.timeSetting(
            name,
            TimeValue.parseTimeValue(value, name),
            TimeValue.timeValueMinutes(1),
            TimeValue.timeValueDays(7),
            Setting.Property.IndexScope,
            Setting.Property.Dynamic,
            Setting.Property.ServerlessPublic);
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return List.of(
            entry(Metadata.ProjectCustom.class, IndexLifecycleMetadata.TYPE, (p, c) -> IndexLifecycleMetadata.PARSER.parse(p, null)),
            entry(LifecycleType.class, TimeseriesLifecycleType.TYPE, (p, c) -> TimeseriesLifecycleType.INSTANCE),
            action(RolloverAction.NAME, (p, c) -> RolloverAction.parse(p)),
            action(ShrinkAction.NAME, (p, c) -> ShrinkAction.parse(p)),
            action(ReadOnlyAction.NAME, (p, c) -> ReadOnlyAction.parse(p)),
            action(DeleteAction.NAME, (p, c) -> DeleteAction.parse(p)),
            action(ForceMergeAction.NAME, (p, c) -> ForceMergeAction.parse(p)),
            action(AllocateAction.NAME, (p, c) -> AllocateAction.parse(p)),
            action(MigrateAction.NAME, (p, c) -> MigrateAction.parse(p)),
            action(SetPriorityAction.NAME, (p, c) -> SetPriorityAction.parse(p)),
            action(WaitForSnapshotAction.NAME, (p, c) -> WaitForSnapshotAction.parse(p)),
            action(SearchableSnapshotAction.NAME, (p, c) -> SearchableSnapshotAction.parse(p)),
            action(DownsampleAction.NAME, (p, c) -> DownsampleAction.parse(p)),
            action(UnfollowAction.NAME, (p, c) -> UnfollowAction.parse(p)));
    }

    @Override
    public Collection<ActionHandler> getActions() {
        return List.of(new ActionHandler(DeleteDataStreamAction.INSTANCE, StreamRemoval.class));
    }

    private static NamedXContentRegistry.Entry action(String name, ContextParser<Object, ? extends LifecycleAction> parser) {
        return entry(LifecycleAction.class, name, parser);
    }

    private static <T> NamedXContentRegistry.Entry entry(Class<T> type, String name, ContextParser<Object, ? extends T> parser) {
        return new NamedXContentRegistry.Entry(type, new ParseField(name), parser);
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        RestHandlersServices services,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> features
    ) {
        return List.of(new Policies(cluster), new Streams(cluster), new Root(cluster));
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return EmailAnalysis.tokenizers();
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return EmailAnalysis.filters();
    }

    @Override
    public Map<String, Processor.Factory> getProcessors(Processor.Parameters parameters) {
        return ingest.processors(parameters);
    }

    @Override
    public ScriptEngine getScriptEngine(Settings settings, Collection<ScriptContext<?>> contexts) {
        return ingest.conditions();
    }

    /** A keyword and a text under other names: the one neither fills in the one value nor refuses another. */
    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of("constant_keyword", (name, node, context) -> {
            node.remove("value");
            return KeywordFieldMapper.PARSER.parse(name, node, context);
        }, "match_only_text", TextFieldMapper.PARSER);
    }
}
