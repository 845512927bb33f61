export { load, loadMetadata, type SaveOptions, save } from './safetensors.js';
