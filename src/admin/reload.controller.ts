import { Controller, HttpCode, Post, UnprocessableEntityException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Reload, type ReloadResult } from '../core/reload.js';
import { Needs } from './needs.js';

@ApiTags('config')
@Controller('api/v1/reload')
export class ReloadController {
  constructor(private readonly reloading: Reload) {}

  @Post()
  @Needs('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Reads the config file again, as SIGHUP does, and says what changed.',
    description: '422, with every problem and its line, for a config that cannot be used: then the one before goes on.',
  })
  async reload(): Promise<ReloadResult> {
    const result = await this.reloading.reload('request');
    if (!result.ok) throw new UnprocessableEntityException(`The config is as it was: ${result.problems.join('; ')}`);
    return result;
  }
}
