package brokerbeat.shim;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.DropProcessor;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.PipelineProcessor;
import org.elasticsearch.ingest.Processor;
import org.opensearch.common.settings.Settings;
import org.opensearch.ingest.common.IngestCommonModulePlugin;
import org.opensearch.painless.PainlessModulePlugin;
import org.opensearch.script.IngestConditionalScript;
import org.opensearch.script.IngestScript;
import org.opensearch.script.ScriptContext;
import org.opensearch.script.ScriptEngine;
import org.opensearch.script.ScriptService;
import org.opensearch.script.TemplateScript;
import org.opensearch.script.mustache.MustacheScriptEngine;

/**
 * The processors of ingest pipelines and their scripts, which the small distribution lacks. OpenSearch publishes the
 * modules that Elasticsearch does not: its ingest-common, Painless and Mustache are the same code since the fork. Pipelines,
 * failure handling and simulation are Elasticsearch's own; here one's processor is handed to the other.
 */
final class Ingest {
    private static final List<ScriptContext<?>> CONTEXTS = List.of(
        IngestScript.CONTEXT,
        IngestConditionalScript.CONTEXT,
        TemplateScript.CONTEXT);

    private final ScriptEngine painless = new PainlessModulePlugin().getScriptEngine(Settings.EMPTY, CONTEXTS);

    Map<String, Processor.Factory> processors(Processor.Parameters parameters) {
        var all = new HashMap<String, Processor.Factory>();
        theirs().forEach((name, factory) -> all.put(name, adapted(name, factory)));
        // These two are the server's own, which only ingest-common registers; the third makes processors itself.
        all.put("drop", new DropProcessor.Factory());
        all.put("pipeline", new PipelineProcessor.Factory(parameters.ingestService));
        all.remove("foreach");
        return all;
    }

    private Map<String, org.opensearch.ingest.Processor.Factory> theirs() {
        var contexts = new HashMap<String, ScriptContext<?>>();
        CONTEXTS.forEach(context -> contexts.put(context.name, context));
        var engines = Map.of("painless", painless, "mustache", new MustacheScriptEngine());
        var scripts = new ScriptService(Settings.EMPTY, engines, contexts);
        var parameters = new org.opensearch.ingest.Processor.Parameters(
            new org.opensearch.env.Environment(Settings.builder().put("path.home", "/nowhere").build(), null),
            scripts, null, null, System::nanoTime, (delay, task) -> null, null, null, Runnable::run, null);
        return new IngestCommonModulePlugin().getProcessors(parameters);
    }

    private static Processor.Factory adapted(String type, org.opensearch.ingest.Processor.Factory factory) {
        return (others, tag, description, config, project) -> {
            var inner = factory.create(Map.of(), tag, description, config);
            return new AbstractProcessor(tag, description) {
                @Override
                public IngestDocument execute(IngestDocument document) throws Exception {
                    var before = document.getSourceAndMetadata();
                    var after = new HashMap<>(before);
                    inner.execute(new org.opensearch.ingest.IngestDocument(after, document.getIngestMetadata()));
                    take(before, after);
                    return document;
                }

                @Override
                public String getType() {
                    return type;
                }
            };
        };
    }

    /** Only what has changed: a script puts everything anew, and Elasticsearch does not let its metadata go. */
    private static void take(Map<String, Object> before, Map<String, Object> after) {
        for (String name : List.copyOf(before.keySet())) {
            if (!after.containsKey(name)) {
                before.remove(name);
            }
        }
        after.forEach((name, value) -> {
            if (!before.containsKey(name) || before.get(name) != value) {
                before.put(name, value);
            }
        });
    }

    /** For the conditions of processors, which are Elasticsearch's own business. */
    org.elasticsearch.script.ScriptEngine conditions() {
        return new org.elasticsearch.script.ScriptEngine() {
            @Override
            public String getType() {
                return "painless";
            }

            @Override
            public <T> T compile(String name, String code, org.elasticsearch.script.ScriptContext<T> context, Map<String, String> options) {
                var compiled = painless.compile(name, code, IngestConditionalScript.CONTEXT, options);
                org.elasticsearch.script.IngestConditionalScript.Factory factory = (params, ctx) -> {
                    var script = compiled.newInstance(params);
                    return new org.elasticsearch.script.IngestConditionalScript(params, ctx) {
                        @Override
                        public boolean execute() {
                            return script.execute(getCtx());
                        }
                    };
                };
                return context.factoryClazz.cast(factory);
            }

            @Override
            public Set<org.elasticsearch.script.ScriptContext<?>> getSupportedContexts() {
                return Set.of(org.elasticsearch.script.IngestConditionalScript.CONTEXT);
            }
        };
    }
}
