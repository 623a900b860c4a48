// Ask for text, tools, an image, a transcription and speech by `ai` and RunPod's provider of it.
import { createRunpod } from "@runpod/ai-sdk-provider";
import {
  experimental_generateImage as generateImage,
  experimental_generateSpeech as generateSpeech,
  experimental_transcribe as transcribe,
  generateText,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
} from "ai";

const { RUNPOD_ENDPOINT_BASE_URL: base } = process.env;
const model = createRunpod({ baseURL: `${base}/chat/openai/v1` })("any-model");
const runpod = createRunpod();
const prompt = "Hello";
const weather = tool({
  description: "Tell the weather",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
  execute: async ({ city }) => `sunny in ${city}`,
});

const text = await generateText({ model, prompt });
let streamed = "";
for await (const piece of streamText({ model, prompt }).textStream) streamed += piece;
const withTools = await generateText({ model, prompt, tools: { weather }, stopWhen: stepCountIs(2) });
const { image } = await generateImage({ model: runpod.image(`${base}/media`), prompt });
const audio = new Uint8Array([1, 2, 3]);
const { text: heard } = await transcribe({ model: runpod.transcription(`${base}/media`), audio });
const { audio: spoken } = await generateSpeech({ model: runpod.speech(`${base}/media`), text: "x" });

console.log(
  JSON.stringify({
    text: text.text,
    streamed,
    tools: withTools.text,
    image: image.base64,
    transcription: heard,
    speech: spoken.base64,
  }),
);
